import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../src/host/package-root.ts'
import { type CliStage, openCliStage } from './cli-stage.ts'

/** Times are whatever they are. */
function timeless(text: string): string {
  return text
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, '2026-11-27 12:00:00')
    .replaceAll(/^\d\d:\d\d:\d\d/gm, '12:00:00')
}

describe('docs/command-line.md', () => {
  let stage: CliStage
  let page: string
  beforeAll(async () => {
    stage = await openCliStage('filesystem')
    await stage.start()
    page = await readFile(join(packageRoot(), 'docs', 'command-line.md'), 'utf8')
  })
  afterAll(() => stage.close())

  it('shows the output of its commands', async () => {
    const blocks = [...page.matchAll(/^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```)?/gms)]
    expect(blocks.length).toBeGreaterThan(12)
    const env = { ...process.env, PATH: `${stage.cwd}:${process.env.PATH}` }
    for (const [, command = '', shown = ''] of blocks) {
      const mine = command.replaceAll('http://127.0.0.1:8181', stage.url)
      const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', `exec 2>&1\n${mine}`], {
        cwd: stage.cwd,
        env,
      })
      expect(timeless(stdout), mine).toBe(shown)
    }
  }, 60_000)

  it('names every existing command', async () => {
    const help = (await stage.run(['--help'])).stdout
    const commands = [...(/\nCommands:\n(.*?)\n\n/s.exec(help)?.[1] ?? '').matchAll(/^ {2}(\w+)/gm)].map(
      ([, name = '']) => name,
    )
    const named = [...page.matchAll(/^\| \[?`(\w+)/gm)].map(([, name = '']) => name)
    expect(commands.filter(name => name !== 'help').sort()).toEqual([...named].sort())
  })
})
