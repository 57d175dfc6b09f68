import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errno } from './failures.ts'

/**
 * Makes a folder, mode 0700, and its missing parents; true when it was not there.
 * @throws Error of the file system; unlike the `recursive` of Node 20 also where nothing can be made, as
 * below `/proc`, on which that one never ends.
 */
export async function makeFolder(path: string): Promise<boolean> {
  try {
    return await makeOne(path)
  } catch (error) {
    if (errno(error) !== 'ENOENT' || dirname(path) === path) throw error
    await makeFolder(dirname(path))
    return makeOne(path)
  }
}

async function makeOne(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o700 })
    return true
  } catch (error) {
    if (errno(error) === 'EEXIST' && (await stat(path)).isDirectory()) return false
    throw error
  }
}
