import type { Console } from '../../log/console-log.ts'

/** The name of the reason with which a command is interrupted because its terminal was closed. */
export const HANG_UP = 'HangUpError'

/** The process environment of a command. */
export interface CliContext {
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Standard input, read only by a command whose arguments name it. */
  readonly stdin: AsyncIterable<Uint8Array> & {
    readonly isTTY?: boolean
    /** Passes each key on as it is typed, without showing it; only a terminal can. */
    readonly setRawMode?: (isRaw: boolean) => void
  }
  readonly stdout: Console
  readonly stderr: Console
  /**
   * A signal that aborts on a stop signal to the process; the first call replaces the default exit of the
   * process.
   */
  interruption(): AbortSignal
  /** Called once a service listens at `url`. */
  ready(url: string): void
}
