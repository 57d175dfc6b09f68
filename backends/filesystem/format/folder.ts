import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errno } from './failures.ts'

/**
 * Creates a folder, mode 0700, and its missing parents; true when it did not exist.
 * @throws Error of the file system, also below `/proc`, where `mkdir` of Node 20 with `recursive` never
 * returns.
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
