#!/usr/bin/env node
import { isHandled } from '../model/failure.ts'
import { run } from './cli/program.ts'
import { HANG_UP } from './cli/terminal/cli-context.ts'
import { guardConsole } from './log/guarded-console.ts'

/*
 * The process: signals, exit code, and the ready message to its parent process. The first SIGTERM or SIGINT
 * starts an orderly stop, and a second one exits at once. An uncaught error is a bug of the service or of a
 * NApp. It is printed, and the process stops in order with exit code 1.
 */

const EXIT_INTERRUPTED = 130
const stop = new AbortController()
let failed = false

function interrupt(): void {
  if (stop.signal.aborted) process.exit(EXIT_INTERRUPTED)
  stop.abort()
}

/** The terminal is gone, which is no decision of its user. */
function hangUp(): void {
  if (stop.signal.aborted) process.exit(EXIT_INTERRUPTED)
  stop.abort(new DOMException('The terminal was closed.', HANG_UP))
}

function fail(error: unknown): void {
  if (isHandled(error)) return
  failed = true
  guardConsole(process.stderr).write(
    `kytos-settings: stopping after an uncaught error: ${error instanceof Error ? error.stack : String(error)}\n`,
  )
  stop.abort()
}

// The etcd client sets the server name of TLS also for an address, which Node only warns of.
const emitWarning = process.emitWarning.bind(process) as (...warning: readonly unknown[]) => void
process.emitWarning = (...warning: readonly unknown[]) => {
  if (!warning.includes('DEP0123')) emitWarning(...warning)
}
// Ignored, because the terminal or the reader of the log is gone: an error printed here would cause the next.
process.stderr.on('error', () => {})
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader, such as head, has read enough.
  if (error.code === 'EPIPE') process.exit(0)
  guardConsole(process.stderr).write(`kytos-settings: The output cannot be written: ${error.message}.\n`)
  process.exit(1)
})

const exit = await run(process.argv.slice(2), {
  cwd: process.cwd(),
  env: process.env,
  // Opened on demand, because a command that does not read it must not wait for its end.
  // It stays open between two questions of a command.
  stdin: {
    isTTY: process.stdin.isTTY,
    setRawMode: isRaw => void process.stdin.setRawMode(isRaw),
    [Symbol.asyncIterator]: () => process.stdin.iterator({ destroyOnReturn: false }),
  },
  stdout: process.stdout,
  stderr: process.stderr,
  interruption() {
    // A parent process that dies without a signal also stops this process.
    process
      .on('SIGTERM', interrupt)
      .on('SIGINT', interrupt)
      .on('SIGHUP', hangUp)
      .once('disconnect', () => stop.abort())
    process.on('uncaughtException', fail).on('unhandledRejection', fail)
    return stop.signal
  },
  ready: url => void process.send?.({ ready: url }),
})
// Waits until stdout is written, because a pipe takes only 64 KiB at once. It does not wait for stderr,
// because a service whose log has no reader must still exit.
await new Promise<void>(resolve => process.stdout.write('', () => resolve()))
process.exit(failed ? 1 : exit)
