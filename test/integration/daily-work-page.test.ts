import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { packageRoot } from '../../src/host/package-root.ts'
import { startEtcd } from '../support/etcd.ts'
import { type CliStage, openCliStage } from './cli-stage.ts'

/*
 * docs/daily-work.md: the commands of an operator's day on one controller and on three, executed in their
 * order. Only times and addresses may differ.
 */

interface Block {
  readonly command: string
  readonly shown: string
}

async function blocksOf(section: string): Promise<readonly Block[]> {
  const page = await readFile(join(packageRoot(), 'docs', 'daily-work.md'), 'utf8')
  const [, text = ''] = page.split(`\n## ${section}\n`)
  const [own = ''] = text.split('\n## ')
  const found = [...own.matchAll(/^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```)?/gms)]
  return found.map(([, command = '', shown = '']) => ({ command, shown }))
}

/** Executes blocks in the folder of the first stage; the page names the stages by ports 8181, 8182 and 8183. */
async function expectOutputs(blocks: readonly Block[], stages: readonly CliStage[]): Promise<void> {
  const [{ cwd } = { cwd: '' }] = stages
  const env = { ...process.env, PATH: `${cwd}:${process.env.PATH}` }
  for (const { command, shown } of blocks) {
    const mine = stages.reduce(
      (text, { url }, i) => text.replaceAll(`http://127.0.0.1:${8_181 + i}`, url),
      command,
    )
    const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', `exec 2>&1\n${mine}`], {
      cwd,
      env,
    })
    const printed = stages.reduce(
      (text, { url }, i) => text.replaceAll(url, `http://127.0.0.1:${8_181 + i}`),
      stdout.replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, '2026-11-27 12:00:00'),
    )
    expect(printed, mine).toBe(shown)
  }
}

it('docs/daily-work.md shows the output of its commands on one controller', async () => {
  const stage = await openCliStage('filesystem')
  try {
    await stage.start()
    const blocks = await blocksOf('One controller')
    expect(blocks.length).toBeGreaterThan(8)
    await expectOutputs(blocks, [stage])
  } finally {
    await stage.close()
  }
}, 120_000)

it('docs/daily-work.md shows the output of its commands on three controllers', async () => {
  const etcd = await startEtcd()
  const stages: CliStage[] = []
  try {
    for (const controller of ['c1', 'c2', 'c3']) {
      const stage = await openCliStage('etcd', '', { controller, endpoints: etcd.endpoints })
      stages.push(stage)
      await stage.start()
    }
    const blocks = await blocksOf('Three controllers')
    expect(blocks.length).toBeGreaterThan(5)
    await expectOutputs(blocks, stages)
  } finally {
    for (const stage of stages) await stage.close()
    await etcd.stop()
  }
}, 120_000)
