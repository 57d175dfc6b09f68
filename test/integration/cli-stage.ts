import { type ChildProcess, execFile, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { isBuilt, PYTHON } from '../../scripts/prepare.mjs'
import { packageRoot } from '../../src/host/package-root.ts'
import { startEtcd } from '../support/etcd.ts'
import { freePort } from '../support/etcd-process.ts'

const MAIN = join(packageRoot(), 'dist/src/main.js')
const TERMINAL = join(packageRoot(), 'test/integration/cli-terminal.py')

/** What a command did. */
export interface Ran {
  readonly exit: number
  readonly stdout: string
  readonly stderr: string
}

/** A command in a terminal. */
export interface Terminal {
  /** All it has shown, colours and all. */
  readonly shown: () => string
  type(keys: string): void
  /** Resolves once what was shown since the last call matches. */
  shows(pattern: RegExp): Promise<void>
  readonly ended: Promise<number>
  /** The process in it. */
  pid(): Promise<number>
  /** Takes the terminal away from it, as a connection that breaks does. */
  vanish(): void
}

/** A service of the built package on a real backend, and its command line. */
export interface CliStage {
  readonly cwd: string
  readonly url: string
  start(): Promise<void>
  stop(signal?: NodeJS.Signals): Promise<void>
  /** All that its services logged. */
  log(): string
  /** Runs one command, with these variables besides a bare environment. */
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ran>
  /** Runs a command, `kytos-settings` when none is named, in a terminal of 100 columns. */
  terminal(
    args: readonly string[],
    env?: Readonly<Record<string, string>>,
    command?: string,
    columns?: number,
  ): Terminal
  /** Writes an editor: a shell script that gets the file as $1. */
  editor(script: string): Promise<string>
  close(): Promise<void>
}

interface StageOptions {
  readonly controller?: string
  /** The endpoints of an etcd that several stages share; the caller stops it. */
  readonly endpoints?: readonly string[]
}

/**
 * Makes a folder with a kytos.ini for a backend; its service is not started yet. `lines` go to [settings].
 */
export async function openCliStage(
  backend: 'filesystem' | 'etcd',
  lines = '',
  { controller = 'c1', endpoints }: StageOptions = {},
): Promise<CliStage> {
  if (!isBuilt()) throw new Error('The build is older than its sources: npm run build.')
  const cwd = await mkdtemp(join(tmpdir(), 'kytos-cli-'))
  const etcd = backend === 'etcd' && !endpoints ? await startEtcd() : undefined
  const port = await freePort()
  await writeFile(
    join(cwd, 'kytos.ini'),
    `[daemon]
api_port = ${port}
napps = napps
napps_pre_installed = ["kytos/settings", "kytos/link_discovery"]
[settings]
backend = ${backend}
controller = ${controller}
state_dir = state
${lines}
[settings.filesystem]
path = store
[settings.etcd]
endpoints = ${JSON.stringify(endpoints ?? etcd?.endpoints ?? ['http://127.0.0.1:1'])}
`,
  )
  const bin = join(cwd, 'kytos-settings')
  await writeFile(bin, `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`)
  await chmod(bin, 0o755)
  const base = { PATH: `${cwd}:${process.env.PATH}`, HOME: cwd, TERM: 'xterm-256color', TMPDIR: cwd }
  let service: ChildProcess | undefined
  let log = ''
  let editors = 0
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    const ending = service
    service = undefined
    if (!ending) return
    ending.kill(signal)
    if (ending.exitCode === null && ending.signalCode === null) await once(ending, 'exit')
  }
  return {
    cwd,
    url: `http://127.0.0.1:${port}`,
    async start() {
      const child = fork(MAIN, ['start'], {
        cwd,
        env: base,
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
        execArgv: [],
      })
      service = child
      child.stderr?.on('data', chunk => (log += chunk))
      await new Promise<void>((resolve, reject) => {
        child.once('message', () => resolve())
        child.once('exit', code => reject(new Error(`It ended with ${code}: ${log}`)))
      })
    },
    stop,
    log: () => log,
    run: (args, env = {}) =>
      new Promise(resolve => {
        execFile(
          process.execPath,
          [MAIN, ...args],
          { cwd, env: { ...base, ...env } },
          (error, stdout, stderr) =>
            resolve({ exit: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr }),
        )
      }),
    terminal(args, env = {}, command = bin, columns = 100) {
      const child = spawn(PYTHON, [TERMINAL, String(columns), '40', command, ...args], {
        cwd,
        env: { ...process.env, ...base, ...env },
      })
      onTestFinished(() => void child.kill('SIGKILL'))
      let shown = ''
      let seen = 0
      child.stdout.setEncoding('utf8').on('data', chunk => (shown += chunk))
      child.stderr.setEncoding('utf8').on('data', chunk => (shown += chunk))
      return {
        shown: () => shown,
        type: keys => void child.stdin.write(keys),
        async shows(pattern) {
          await expect.poll(() => shown.slice(seen), { timeout: 30_000, interval: 10 }).toMatch(pattern)
          seen +=
            (pattern.exec(shown.slice(seen))?.index ?? 0) + (pattern.exec(shown.slice(seen))?.[0].length ?? 0)
        },
        ended: once(child, 'close').then(([code]) => Number(code)),
        pid: async () =>
          Number((await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')).trim()),
        vanish: () => void child.kill('SIGKILL'),
      }
    },
    async editor(script) {
      const file = join(cwd, `editor-${++editors}`)
      await writeFile(file, `#!/bin/sh\nset -e\n${script}\n`)
      await chmod(file, 0o755)
      return file
    },
    async close() {
      await stop()
      await etcd?.stop()
      await rm(cwd, { recursive: true, force: true })
    },
  }
}

/** A file of a stage. */
export function read(stage: CliStage, file: string): Promise<string> {
  return readFile(join(stage.cwd, file), 'utf8')
}
