import type { Console } from '../../log/console-log.ts'

/** What a command sees of its process. */
export interface World {
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdout: Console
  readonly stderr: Console
  /** A signal that aborts when the process is asked to stop; from the first call on the process no longer dies of it by itself. */
  interruption(): AbortSignal
  /** Called once a service answers at `url`. */
  ready(url: string): void
}
