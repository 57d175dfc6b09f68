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

/**
 * One running etcd, started with these arguments; its output is kept (the last 16 KiB) for the message of a
 * failed start.
 */
export interface EtcdProcess {
  readonly exited: boolean
  output(): string
  signal(signal: NodeJS.Signals): void
  /** Sends the signal and resolves when the process is gone. */
  end(signal: NodeJS.Signals): Promise<void>
}

/** @throws Error with the line that installs etcd when there is none. */
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
  // `once` rejects with the 'error' event of a binary that is not there.
  await once(child, 'spawn').catch(cause => {
    throw new Error(
      `${binary} cannot be started; install it: apt-get install etcd-server etcd-client (or set ETCD_BINARY).`,
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
      // A stopped process takes SIGKILL at once, anything else only once it continues.
      if (signal !== 'SIGKILL') child.kill('SIGCONT')
      await gone
      RUNNING.delete(child)
    },
  }
}

/**
 * Below what Linux gives to outgoing connections (32768 on), so that none of them takes the port while its
 * server is down for a while.
 */
const LOWEST_PORT = 20_000
const HIGHEST_PORT = 32_000

/** Where tests, of whichever process, leave a mark for each port that they were given. */
const TAKEN = join(tmpdir(), `kytos-test-ports-${userInfo().uid}`)
/** Milliseconds after which a port that was given away is nobody's: longer than any test goes on. */
const FORGOTTEN = 600_000

/**
 * A loopback port that is free, that only somebody who asks for it by number will get, and that no other test
 * is given.
 */
export async function freePort(): Promise<number> {
  await mkdir(TAKEN, { recursive: true })
  for (;;) {
    const port = LOWEST_PORT + Math.floor(Math.random() * (HIGHEST_PORT - LOWEST_PORT))
    if ((await take(port)) && (await isFree(port))) return port
  }
}

/** True when nobody else has it: of two who ask at once one makes the mark. */
async function take(port: number): Promise<boolean> {
  const mark = join(TAKEN, String(port))
  const left = await stat(mark).catch(() => undefined)
  if (left && Date.now() - left.mtimeMs > FORGOTTEN) await rm(mark, { force: true })
  try {
    await writeFile(mark, '', { flag: 'wx' })
    return true
  } catch {
    return false // marked, which is all there is to say
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  server.listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return false // taken, which is all there is to say
  }
  server.close()
  await once(server, 'close')
  return true
}
