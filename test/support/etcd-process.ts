import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'

const RUNNING = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of RUNNING) child.kill('SIGKILL')
})

/** One running etcd; the last 16 KiB of its output are kept for the message of a failed start. */
export interface EtcdProcess {
  readonly exited: boolean
  output(): string
  signal(signal: NodeJS.Signals): void
  /** Sends the signal and resolves when the process is gone. */
  end(signal: NodeJS.Signals): Promise<void>
}

/** Starts an etcd with these arguments. @throws Error with the command that installs a missing etcd. */
export async function spawnEtcd(
  args: readonly string[],
  binary = process.env.ETCD_BINARY ?? 'etcd',
): Promise<EtcdProcess> {
  const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH } })
  let output = ''
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-16_384)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const gone = new Promise<void>(resolve => child.once('exit', () => resolve()))
  // `once` rejects with the 'error' event of a missing binary.
  await once(child, 'spawn').catch(cause => {
    throw new Error(
      `${binary} cannot be started; install it: ` +
        'apt-get install etcd-server etcd-client (or set ETCD_BINARY).',
      { cause },
    )
  })
  RUNNING.add(child)
  return {
    get exited() {
      return child.exitCode !== null || child.signalCode !== null
    },
    output: () => output,
    signal: signal => {
      child.kill(signal)
    },
    end: async signal => {
      child.kill(signal)
      // A stopped process handles SIGKILL at once, any other signal only after SIGCONT.
      if (signal !== 'SIGKILL') child.kill('SIGCONT')
      await gone
      RUNNING.delete(child)
    },
  }
}

/**
 * The range is below the ports of outgoing connections in Linux (from 32768). So no such connection occupies
 * the port of a server that is down for a while.
 */
const LOWEST_PORT = 20_000
const HIGHEST_PORT = 32_000

/** The folder with a mark for each port in use by a test, shared by all processes. */
const PORT_MARKS = join(tmpdir(), `kytos-test-ports-${userInfo().uid}`)
/** The age at which the mark of a port expires: longer than any test runs. */
const PORT_MARK_MAX_AGE_MS = 600_000

/**
 * A free loopback port outside the automatic range of the system, which no other test receives.
 */
export async function freePort(): Promise<number> {
  await mkdir(PORT_MARKS, { recursive: true })
  for (;;) {
    const port = LOWEST_PORT + Math.floor(Math.random() * (HIGHEST_PORT - LOWEST_PORT))
    if ((await claim(port)) && (await isFree(port))) return port
  }
}

/** True when no other test has the port: of two concurrent tests only one creates the mark. */
async function claim(port: number): Promise<boolean> {
  const mark = join(PORT_MARKS, String(port))
  const left = await stat(mark).catch(() => undefined)
  if (left && Date.now() - left.mtimeMs > PORT_MARK_MAX_AGE_MS) await rm(mark, { force: true })
  try {
    await writeFile(mark, '', { flag: 'wx' })
    return true
  } catch {
    return false // marked by another test
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  server.listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return false // in use
  }
  server.close()
  await once(server, 'close')
  return true
}
