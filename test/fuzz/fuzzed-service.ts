import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isBuilt } from '../../scripts/prepare.mjs'
import { packageRoot } from '../../src/host/package-root.ts'
import { startEtcd } from '../support/etcd.ts'
import { freePort } from '../support/etcd-process.ts'

const MAIN = join(packageRoot(), 'dist/src/main.js')
/** Characters of the log that are kept. */
const LOG_CHARACTERS = 65_536
const STOP_MS = 60_000

export const BACKENDS = ['filesystem', 'etcd'] as const
export type FuzzedBackend = (typeof BACKENDS)[number]
export type Role = 'reader' | 'writer'

/** A service of the built package in a process of its own, which asks for tokens. */
export interface FuzzedService {
  readonly pid: number
  readonly port: number
  /** The token of each role. */
  readonly tokens: Readonly<Record<Role, string>>
  /** The end of what the service logged. */
  log(): string
  isAlive(): boolean
  close(): Promise<void>
}

/** Starts a service on a new store. @throws Error with its log when it does not start. */
export async function startFuzzedService(backend: FuzzedBackend): Promise<FuzzedService> {
  if (!isBuilt()) throw new Error('The build is older than its sources: npm run build.')
  const cwd = await mkdtemp(join(tmpdir(), 'kytos-fuzz-'))
  const etcd = backend === 'etcd' ? await startEtcd() : undefined
  const port = await freePort()
  await writeFile(join(cwd, 'kytos.ini'), iniOf(backend, port, etcd?.endpoints ?? ['http://127.0.0.1:1']))
  const child = fork(MAIN, ['start'], {
    cwd,
    env: { PATH: process.env.PATH, HOME: cwd, TMPDIR: cwd },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: [],
  })
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  let log = ''
  child.stderr?.on('data', chunk => {
    log = (log + chunk).slice(-LOG_CHARACTERS)
  })
  const close = async (): Promise<void> => {
    process.off('exit', kill)
    await stop(child)
    await etcd?.stop()
    await rm(cwd, { recursive: true, force: true })
  }
  try {
    await started(child, () => log)
    const [reader, writer] = await createTokens(cwd, port)
    const isAlive = (): boolean => child.exitCode === null && child.signalCode === null
    return { pid: child.pid ?? 0, port, tokens: { reader, writer }, log: () => log, isAlive, close }
  } catch (error) {
    await close()
    throw error
  }
}

function iniOf(backend: FuzzedBackend, port: number, endpoints: readonly string[]): string {
  return `[daemon]
api_port = ${port}
napps = napps
[settings]
backend = ${backend}
controller = c1
state_dir = state
authentication = required
[settings.filesystem]
path = store
[settings.etcd]
endpoints = ${JSON.stringify(endpoints)}
`
}

function started(child: ChildProcess, log: () => string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('message', () => resolve())
    child.once('exit', code => reject(new Error(`The service ended with ${code}: ${log()}`)))
  })
}

async function createTokens(cwd: string, port: number): Promise<readonly [string, string]> {
  const { token } = JSON.parse(await readFile(join(cwd, 'state/c1/service.json'), 'utf8'))
  const create = async (rights: string): Promise<string> => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/kytos/settings/v1/token`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: `fuzz-${rights}`, rights: [rights] }),
    })
    if (answer.status !== 201 && answer.status !== 200) throw new Error(await answer.text())
    // The cast is safe, because the service documents this answer.
    return ((await answer.json()) as { readonly token: string }).token
  }
  return [await create('read'), await create('write')]
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  await ended
  clearTimeout(timer)
}
