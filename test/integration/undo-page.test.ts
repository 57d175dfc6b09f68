import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { packageRoot } from '../../src/host/package-root.ts'
import { openCliStage } from './cli-stage.ts'

/*
 * docs/undo.md: the commands of the page, executed in their order on a new store. Only times and ids may
 * differ.
 */

it('docs/undo.md shows the output of its commands', async () => {
  const page = await readFile(join(packageRoot(), 'docs', 'undo.md'), 'utf8')
  const blocks = [...page.matchAll(/^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```)?/gms)]
  expect(blocks.length).toBeGreaterThan(6)
  const stage = await openCliStage('filesystem')
  try {
    await stage.start()
    const env = { ...process.env, PATH: `${stage.cwd}:${process.env.PATH}`, TZ: 'UTC' }
    for (const [, command = '', shown = ''] of blocks) {
      const { stdout } = await promisify(execFile)(
        'bash',
        ['-euo', 'pipefail', '-c', `exec 2>&1\n${command}`],
        { cwd: stage.cwd, env },
      )
      expect(withoutTimes(stdout), command).toBe(shown)
    }
  } finally {
    await stage.close()
  }
}, 180_000)

function withoutTimes(text: string): string {
  return text
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, '2026-11-27 12:00:00')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '2026-11-27T12:00:00.000Z')
    .replaceAll(/[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/g, '0b7c6f1e-5a7d-4c1b-9d5e-2f1a3b4c5d6e')
}
