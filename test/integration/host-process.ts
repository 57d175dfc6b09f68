import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { expect, onTestFinished } from 'vitest'
import { isBuilt } from '../../scripts/prepare.mjs'
import { packageRoot } from '../../src/host/package-root.ts'
import { freePort } from '../support/etcd-process.ts'

const MAIN = join(packageRoot(), 'dist/src/main.js')

/** The built command line as a process of its own. */
export interface Process {
  readonly child: ChildProcess
  /** Everything it has printed so far. */
  readonly output: () => string
  /** Resolves with the URL once the service is up. @throws when it ends instead. */
  readonly ready: Promise<string>
  /** Resolves with the exit code, or the name of the signal that ended it. */
  readonly ended: Promise<number | string>
  /** Resolves once its output matches. */
  prints(pattern: RegExp): Promise<void>
}

/** Runs a script of the package in a folder, with a channel; it is killed when the test is over. */
export function runScript(cwd: string, script: string, args: readonly string[]): Process {
  const child = fork(script, args, { cwd, stdio: ['ignore', 'pipe', 'pipe', 'ipc'], execArgv: [] })
  let output = ''
  child.stdout?.on('data', chunk => (output += chunk))
  child.stderr?.on('data', chunk => (output += chunk))
  // Not `close`, which never comes for a child whose channel was closed by us.
  const printed = [child.stdout, child.stderr].map(stream => stream && finished(stream))
  const ended = Promise.all([once(child, 'exit'), ...printed]).then(([[code, signal]]) => code ?? signal)
  const ready = new Promise<string>((resolve, reject) => {
    child.on('message', message => resolve(Reflect.get(Object(message), 'ready')))
    child.on('exit', code => reject(new Error(`It ended with ${code}: ${output}`)))
  })
  // A failure without a listener must not end the test.
  ready.catch(() => {})
  onTestFinished(() => void child.kill('SIGKILL'))
  const prints = (pattern: RegExp) =>
    expect.poll(() => output, { timeout: 10_000, interval: 20 }).toMatch(pattern)
  return { child, output: () => output, ready, ended, prints }
}

/** Runs `kytos-settings` with these arguments. */
export function kytosSettings(cwd: string, ...args: readonly string[]): Process {
  if (!isBuilt()) throw new Error('The build is older than its sources: npm run build.')
  return runScript(cwd, MAIN, args)
}

/** A folder with a `kytos.ini` like the example's, on a free port, that goes away with the test. */
export async function freshFolder(): Promise<string> {
  const cwd = await mkdtemp(join(tmpdir(), 'kytos-process-'))
  onTestFinished(() => rm(cwd, { recursive: true, force: true }))
  await writeFile(
    join(cwd, 'kytos.ini'),
    `[daemon]
listen = 127.0.0.1
api_port = ${await freePort()}
napps = napps
napps_pre_installed = ["kytos/settings", "kytos/link_discovery", "kytos/change_log"]
[settings]
log = text
state_dir = state
[settings.filesystem]
path = store
`,
  )
  return cwd
}
