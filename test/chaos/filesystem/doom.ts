import type { Watchman } from './tap.ts'

/** Ends this process by SIGKILL, as `kill -9` does, in place of one of its steps. */
export interface Doom extends Watchman {
  /** Dies at the so many-th step from now; when that is a write, after this share of it. */
  await(steps: number, share: number): void
}

export function createDoom(): Doom {
  let left = Number.POSITIVE_INFINITY
  let share = 0
  return {
    await: (steps, part) => {
      left = steps
      share = part
    },
    before: () => (--left <= 0 ? { share, end: die } : undefined),
  }
}

function die(): never {
  process.kill(process.pid, 'SIGKILL')
  // The signal is delivered before the call returns to this thread.
  for (;;);
}
