import type { Console } from '../console-log.ts'

const WIDTH = 30
/** Milliseconds between two drawings: a terminal is slower than an import. */
const PAUSE = 50

/** A bar on a terminal, and nothing elsewhere. `clear` leaves the line empty. */
export function createBar(out: Console): { readonly step: (done: number, total: number) => void; readonly clear: () => void } {
  if (out.isTTY !== true) return { step: () => {}, clear: () => {} }
  let drawn = 0
  let begun = false
  return {
    step(done, total) {
      const now = performance.now()
      if (total === 0 || (now - drawn < PAUSE && done < total)) return
      drawn = now
      begun = true
      const filled = Math.floor((done / total) * WIDTH)
      out.write(`\r[${'#'.repeat(filled)}${'.'.repeat(WIDTH - filled)}] ${done}/${total}`)
    },
    clear() {
      if (begun) out.write(`\r${' '.repeat(WIDTH + 30)}\r`)
    },
  }
}
