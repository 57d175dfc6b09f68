import type { Random } from '../random.ts'
import type { Trouble } from './messages.ts'
import type { Watchman } from './tap.ts'

/** A disk that fails on demand. */
export interface UnrulyDisk extends Watchman {
  /** How it fails from now on; undefined: it does what it is asked. */
  trouble: Trouble | undefined
}

export function createUnrulyDisk(random: Random): UnrulyDisk {
  const disk: UnrulyDisk = {
    trouble: undefined,
    before: ({ action, path }) => {
      const { trouble } = disk
      if (
        !trouble?.actions.includes(action) ||
        !path.includes(trouble.within) ||
        !random.chance(trouble.chance)
      )
        return undefined
      return { share: trouble.short ? random.next() : 0, end: () => fail(trouble.code, action, path) }
    },
  }
  return disk
}

function fail(code: Trouble['code'], action: string, path: string): never {
  throw Object.assign(new Error(`${code}: an unruly disk, ${action} '${path}'`), {
    code,
    path,
    syscall: action,
  })
}
