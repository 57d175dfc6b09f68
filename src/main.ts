#!/usr/bin/env node
import { run } from './cli/program.ts'

/*
 * The process and nothing else: signals, exit code, and the word to whoever started it that it is up. The
 * first SIGTERM or SIGINT asks for a stop in order, a second one ends it at once. An error nobody caught is a
 * bug, ours or a NApp's: it is printed, and the process stops in order with exit code 1.
 */

const INTERRUPTED = 130
const stop = new AbortController()
let failed = false

function interrupt(): void {
  if (stop.signal.aborted) process.exit(INTERRUPTED)
  stop.abort()
}

function fail(error: unknown): void {
  failed = true
  process.stderr.write(
    `kytos-settings: stopping after an uncaught error: ${error instanceof Error ? error.stack : String(error)}\n`,
  )
  stop.abort()
}

// There is nobody left to tell it to: the terminal is gone, or whoever read the log. An error of its own
// would be told there again, and so on.
process.stderr.on('error', () => {})
// Whoever reads this, such as head, has read enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

const exit = await run(process.argv.slice(2), {
  cwd: process.cwd(),
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  interruption() {
    // A starter that dies, rather than asking for a stop, leaves nobody behind either.
    process
      .on('SIGTERM', interrupt)
      .on('SIGINT', interrupt)
      .on('SIGHUP', interrupt)
      .once('disconnect', () => stop.abort())
    process.on('uncaughtException', fail).on('unhandledRejection', fail)
    return stop.signal
  },
  ready: url => void process.send?.({ ready: url }),
})
// A pipe takes 64 KiB at once; the rest would be lost. Not stderr: a service whose log nobody reads any more
// must still end.
await new Promise<void>(resolve => process.stdout.write('', () => resolve()))
process.exit(failed ? 1 : exit)
