import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { run } from '../../../src/cli/program.ts'
import type { CliContext } from '../../../src/cli/terminal/cli-context.ts'
import { temporaryTree } from '../host/napps-tree.ts'

/** What a command did: its exit code and what it printed. */
export interface Ran {
  readonly exit: number
  readonly stdout: string
  readonly stderr: string
}

/** A folder with a `kytos.ini` whose NApps lie in `napps`, and a way to run commands in it. */
export async function commandLine(preInstalled: readonly string[] = []) {
  const cwd = await temporaryTree()
  const list =
    preInstalled.length > 0
      ? `napps_pre_installed = ${JSON.stringify(preInstalled)}\n`
      : 'napps_pre_installed = []\n'
  await writeFile(
    join(cwd, 'kytos.ini'),
    `[daemon]\nnapps = napps\n${list}[settings]\nstate_dir = state\n[settings.filesystem]\npath = store\n`,
  )
  const kytos = async (...args: string[]): Promise<Ran> => runIn(cwd, args)
  /** The same with a text as standard input. */
  const kytosWith = async (input: string, ...args: string[]): Promise<Ran> =>
    runIn(cwd, args, undefined, undefined, false, input)
  return { cwd, root: join(cwd, 'napps'), kytos, kytosWith }
}

/** Runs one command line; `during` is called once the service is ready, and its end is the interruption. */
export async function runIn(
  cwd: string,
  args: readonly string[],
  during: (url: string) => Promise<void> = async () => {},
  interruption = new AbortController(),
  isTTY = false,
  input = '',
): Promise<Ran> {
  let stdout = ''
  let stderr = ''
  let work: Promise<void> = Promise.resolve()
  const world: CliContext = {
    cwd,
    env: {},
    stdin: Readable.from([Buffer.from(input)]),
    stdout: { write: (text: string) => (stdout += text) },
    stderr: { isTTY, write: (text: string) => (stderr += text) },
    interruption: () => interruption.signal,
    ready: url => {
      work = during(url).finally(() => interruption.abort())
    },
  }
  const exit = await run(args, world)
  await work
  return { exit, stdout, stderr }
}
