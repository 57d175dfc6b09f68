import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../src/host/package-root.ts'
import { type CliStage, openCliStage } from './cli-stage.ts'

describe('docs/confirmed-commit.md', () => {
  let stage: CliStage
  beforeAll(async () => {
    stage = await openCliStage('filesystem')
    await stage.start()
  })
  afterAll(() => stage.close())

  it('shows the output of its commands', async () => {
    const page = await readFile(join(packageRoot(), 'docs', 'confirmed-commit.md'), 'utf8')
    const blocks = [...page.matchAll(/^```sh\n(.*?)^```\n\n```text\n(.*?)^```/gms)]
    expect(blocks.length).toBe(3)
    const env = { ...process.env, PATH: `${stage.cwd}:${process.env.PATH}` }
    for (const [, command = '', shown = ''] of blocks) {
      const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', command], {
        cwd: stage.cwd,
        env,
      })
      expect(stdout, command).toBe(shown)
    }
  }, 60_000)
})
