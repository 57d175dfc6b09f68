import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { packageRoot } from '../../src/host/package-root.ts'
import type { CliStage } from '../integration/cli-stage.ts'

/*
 * A page of docs/admin as a sequence of blocks, all of which a test must account for. A block `sh` is executed
 * as it is, with the paths and addresses of a host of the test in place of those of the page. A block `console`
 * (systemctl, apt-get) cannot be executed in a test: each needs an action, in the order of the page.
 */

/** On a quiet machine the slowest block, an npm install, takes 10 s. */
const BLOCK_LIMIT_MS = 150_000

export interface Block {
  readonly kind: 'sh' | 'console' | 'other'
  readonly text: string
}

/** A host of the test: the replacements of the page's texts, in their order, and the variables of its shell. */
export interface Host {
  readonly folder: string
  readonly replace: readonly (readonly [string | RegExp, string])[]
  readonly env?: Readonly<Record<string, string>>
}

/** The fenced blocks of a page of docs/admin, in order; of one section (##) if it is named. */
export async function blocksOf(page: string, section?: string): Promise<readonly Block[]> {
  const text = await readFile(join(packageRoot(), 'docs/admin', page), 'utf8')
  const sections = text.split(/^## /m)
  const own = section === undefined ? text : sections.find(part => part.startsWith(`${section}\n`))
  if (own === undefined) throw new Error(`${page} has no section "${section}".`)
  return [...own.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, kind = '', block = '']) => ({
    kind: kind === 'sh' || kind === 'console' ? kind : 'other',
    text: block,
  }))
}

/** The text of a block for a host. */
export function adapt(text: string, host: Host): string {
  return host.replace.reduce((adapted, [from, to]) => adapted.replaceAll(wholeOf(from), to), text)
}

/** A text as a pattern that does not end within a number: a free port may begin with the digits of a port. */
function wholeOf(from: string | RegExp): RegExp {
  if (typeof from !== 'string') return from
  return new RegExp(`${from.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?!\\d)`, 'g')
}

/** The host of a service whose command `kytos-settings` is on the PATH, with promtool. */
export function stageHost({ cwd, url }: CliStage): Host {
  const promtool = process.env.PROMTOOL?.includes('/') ? `:${dirname(process.env.PROMTOOL)}` : ''
  return {
    folder: cwd,
    replace: [['http://127.0.0.1:8181', url]],
    env: { PATH: `${cwd}:${process.env.PATH}${promtool}`, HOME: cwd },
  }
}

/** A new folder for the files of the hosts of a test. */
export async function guideFolder(): Promise<{ folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'kytos-guide-'))
  return { folder, remove: () => rm(folder, { recursive: true, force: true, maxRetries: 5 }) }
}

/**
 * Executes a block on a host with `bash -euo pipefail`, without input; returns its output. Output goes to a
 * file, so that a process which the block leaves behind does not hold it open.
 * @throws Error with the block and its output if it fails or exceeds the limit.
 */
export async function execute(text: string, host: Host): Promise<string> {
  const script = join(host.folder, 'block.sh')
  const output = join(host.folder, 'block.out')
  await mkdir(dirname(script), { recursive: true })
  await writeFile(script, `set -euo pipefail\n${adapt(text, host)}`)
  const file = openSync(output, 'w')
  const child = spawn('bash', [script], {
    cwd: host.folder,
    env: { ...process.env, ...host.env },
    stdio: ['ignore', file, file],
    detached: true,
  })
  // The whole group, because a command that continues would write into the folder while it is removed.
  const limit = setTimeout(() => child.pid && process.kill(-child.pid, 'SIGKILL'), BLOCK_LIMIT_MS)
  const code = await new Promise(resolve => child.once('exit', (status, signal) => resolve(status ?? signal)))
  clearTimeout(limit)
  closeSync(file)
  const printed = await readFile(output, 'utf8')
  if (code !== 0) throw new Error(`The block ended with ${code}:\n${adapt(text, host)}\n${printed}`)
  return printed
}

/** The lines of a console block: its commands, without the prompt. */
export function commandsOf({ text }: Block): readonly string[] {
  return text
    .split('\n')
    .filter(line => line.startsWith('# '))
    .map(line => line.slice(2))
}

/** A page in progress: its blocks are taken in order, and none can be left out. */
export interface Walk {
  /** Executes the next block, which is `sh`, on each of these hosts; returns the output on the last one. */
  sh(...hosts: readonly Host[]): Promise<string>
  /** Performs an action in place of each command of the next block, which is `console`. */
  console(actions: Readonly<Record<string, () => unknown>>): Promise<void>
  /** The number of blocks that are left. */
  left(): number
}

export async function walk(page: string): Promise<Walk> {
  const blocks = [...(await blocksOf(page))]
  const next = (kind: Block['kind']): Block => {
    const block = blocks.shift()
    if (block?.kind === kind) return block
    throw new Error(`${page}: expected a block ${kind}, found ${block?.kind ?? 'the end'}:\n${block?.text}`)
  }
  return {
    async sh(...hosts) {
      const { text } = next('sh')
      let printed = ''
      for (const host of hosts) printed = await execute(text, host)
      return printed
    },
    async console(actions) {
      const block = next('console')
      const wanted = Object.keys(actions).join('\n')
      if (commandsOf(block).join('\n') !== wanted)
        throw new Error(
          `${page}: the actions do not match the commands of this block:\n${block.text}\n${wanted}`,
        )
      for (const action of Object.values(actions)) await action()
    },
    left: () => blocks.length,
  }
}
