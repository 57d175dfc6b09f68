import { type Console, ownSequence } from '../../log/console-log.ts'

/** The progress display of a long operation. */
export interface ProgressBar {
  /** Shows `done` of `all` pieces, and a number of bytes if given. */
  show(done: number, all: number, bytes?: number): void
  /** Ends the line of the bar. */
  end(): void
}

const BAR_COLUMNS = 30
/** Minimum width of a bar in columns. */
const MIN_BAR_COLUMNS = 5
/** Milliseconds between two redraws on a terminal, and between two lines elsewhere. */
const REDRAW_INTERVAL_MS = 100
const LINE_INTERVAL_MS = 5_000

/** A progress bar with the rate on a terminal; one line every 5 s elsewhere. `clock` is in milliseconds. */
export function createProgressBar(
  out: Console,
  what: string,
  clock: () => number = () => performance.now(),
): ProgressBar {
  const began = clock()
  let shown = out.isTTY ? Number.NEGATIVE_INFINITY : began
  let open = false
  return {
    show(done, all, bytes) {
      const now = clock()
      if (
        all === 0 ||
        (now - shown < (out.isTTY ? REDRAW_INTERVAL_MS : LINE_INTERVAL_MS) && !(done === all && out.isTTY))
      )
        return
      shown = now
      const line = describe(what, done, all, bytes, now - began)
      if (!out.isTTY) return void out.write(`${line}\n`)
      out.write(
        `${ownSequence(out, '\r')}${drawBar(done / all, line, out.columns)}${ownSequence(out, '\x1b[K')}`,
      )
      open = true
    },
    end() {
      if (open) out.write('\n')
      open = false
    },
  }
}

/** Fits one line of the terminal, because a wrapped line could not be overwritten by the next redraw. */
function drawBar(part: number, line: string, columns = 80): string {
  const width = Math.min(BAR_COLUMNS, columns - line.length - '[] '.length - 1)
  if (width < MIN_BAR_COLUMNS) return line.slice(0, Math.max(0, columns - 1))
  return `[${'#'.repeat(Math.floor(width * part)).padEnd(width, '.')}] ${line}`
}

function describe(what: string, done: number, all: number, bytes: number | undefined, ms: number): string {
  const rate = ms > 0 ? Math.round((1_000 * done) / ms) : 0
  return `${what}: ${done} of ${all},${bytes === undefined ? '' : ` ${(bytes / 1_048_576).toFixed(1)} MiB,`} ${rate}/s`
}
