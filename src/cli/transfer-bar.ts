import type { Console } from '../console-log.ts'

/** Shows how far a piece of work is. */
export interface TransferBar {
  /** `done` of `all` pieces and this many bytes so far. */
  show(done: number, all: number, bytes: number): void
  /** Leaves the line to others. */
  end(): void
}

const WIDTH = 30
/** Milliseconds between two looks on a terminal, and between two lines elsewhere. */
const REDRAW = 100
const LINE = 5_000

/** A bar with the rate, drawn anew on a terminal; a line now and then anywhere else. `clock` is in milliseconds. */
export function createTransferBar(out: Console, what: string, clock: () => number = () => performance.now()): TransferBar {
  const began = clock()
  let shown = out.isTTY ? Number.NEGATIVE_INFINITY : began
  let open = false
  return {
    show(done, all, bytes) {
      const now = clock()
      const last = done === all
      if (now - shown < (out.isTTY ? REDRAW : LINE) && !(last && out.isTTY)) return
      shown = now
      const line = describe(what, done, all, bytes, now - began)
      if (!out.isTTY) return void out.write(`${line}\n`)
      const filled = all === 0 ? WIDTH : Math.floor((WIDTH * done) / all)
      out.write(`\r[${'#'.repeat(filled).padEnd(WIDTH, '.')}] ${line}\x1b[K`)
      open = true
    },
    end() {
      if (open) out.write('\n')
      open = false
    },
  }
}

function describe(what: string, done: number, all: number, bytes: number, ms: number): string {
  const rate = ms > 0 ? Math.round((1_000 * done) / ms) : 0
  return `${what}: ${done} of ${all}, ${(bytes / 1_048_576).toFixed(1)} MiB, ${rate}/s`
}
