import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** A process that holds a store, or tries to. */
export interface Holder {
  readonly pid: number
  /** What it answers to a line, see `filesystem-holder.ts`; rejects when it ends before. */
  ask(line: string): Promise<string>
  signal(name: 'SIGSTOP' | 'SIGCONT'): void
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
}

export interface HolderOptions {
  /** The user to be, where we are root. */
  readonly uid?: number
}

/** Starts the compiled `filesystem-holder` on a store. */
export function startHolder(program: string, path: string, { uid }: HolderOptions = {}): Holder {
  const child = spawn(process.execPath, [program, path], {
    stdio: ['pipe', 'pipe', 'inherit'],
    cwd: '/',
    ...(uid === undefined ? {} : { uid, gid: uid }),
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    pid: pidOf(child),
    async ask(line) {
      child.stdin.write(`${line}\n`)
      const { value, done } = await lines.next()
      if (done) throw new Error(`The holder ended before it answered to "${line}".`)
      return value
    },
    signal: name => child.kill(name),
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error('The process could not be started.')
  return child.pid
}
