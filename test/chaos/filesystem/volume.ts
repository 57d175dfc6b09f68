import { execFile, spawnSync } from 'node:child_process'
import { mkdir, statfs } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

const SIZE = '2g'
const ATTEMPTS = 20

/** A file system of its own, in memory, that can really be full and really be read-only. */
export interface Volume {
  /** Leaves room for so many bytes, and no more. */
  shrink(room: number): Promise<void>
  /** Gives all the room back. */
  grow(): Promise<void>
  /** Nothing below this folder can be opened for writing any more; who has a file open goes on writing. */
  protect(folder: string): Promise<void>
  unprotect(folder: string): Promise<void>
  close(): Promise<void>
}

/** Mounts a fresh volume on a folder. Undefined when this user may not mount. */
export async function mountVolume(folder: string): Promise<Volume | undefined> {
  await mkdir(folder)
  if (process.getuid?.() !== 0) return undefined
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${SIZE},mode=0700`, 'kytos-chaos', folder])
  } catch {
    return undefined // root without the right to mount, as in many containers
  }
  let mounted = true
  const unmount = (): void => {
    if (mounted) spawnSync('umount', ['-l', folder])
    mounted = false
  }
  process.once('exit', unmount)
  const resize = (size: string): Promise<unknown> => run('mount', ['-o', `remount,size=${size}`, folder])
  return {
    shrink: async room => {
      for (let more = room; ; more += 256 * 1024) {
        const { blocks, bfree, bsize } = await statfs(folder)
        try {
          await resize(String((blocks - bfree) * bsize + more))
          return
        } catch (error) {
          // What is in use grew meanwhile.
          if (more > room + 64 * 1024 * 1024) throw error
        }
      }
    },
    grow: async () => {
      await resize(SIZE)
    },
    protect: async path => {
      for (let attempt = 1; ; attempt++) {
        await run('mount', ['--bind', path, path])
        try {
          await run('mount', ['-o', 'remount,ro,bind', path])
          return
        } catch (error) {
          // Between the two steps somebody opened a file for writing by way of the new mount, which cannot be
          // made read-only while that is open.
          await run('umount', ['-l', path])
          if (attempt === ATTEMPTS) throw error
        }
      }
    },
    unprotect: async path => {
      await run('umount', ['-l', path])
    },
    close: async () => {
      unmount()
      process.off('exit', unmount)
    },
  }
}
