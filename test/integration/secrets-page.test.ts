import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'
import { packageRoot } from '../../src/host/package-root.ts'
import { openCliStage } from './cli-stage.ts'

/*
 * The section "Secrets" of docs/security.md: its commands, executed in their order on a new store. Only times,
 * tags, ids of keys and paths may differ.
 */

it('docs/security.md shows the output of its commands about secrets', async () => {
  const page = await readFile(join(packageRoot(), 'docs', 'security.md'), 'utf8')
  const [section = ''] = /^## Secrets\n.*?(?=^## )/ms.exec(page) ?? []
  const blocks = [...section.matchAll(/^```sh\n(.*?)^```\n\n```text\n(.*?)^```/gms)]
  expect(blocks).toHaveLength([...section.matchAll(/^```sh$/gm)].length)
  expect(blocks.length).toBeGreaterThan(4)
  const stage = await openCliStage('filesystem')
  onTestFinished(() => stage.close())
  await stage.start()
  const env = { ...process.env, PATH: `${stage.cwd}:${process.env.PATH}`, TZ: 'UTC' }
  const plain = (text: string) =>
    text
      .replaceAll(stage.cwd, '/etc/kytos')
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '2026-12-01T12:00:00.000Z')
      .replaceAll(/"\$sealed": ?"[\w-]{22}"/g, tag => tag.replace(/[\w-]{22}/, '4Gk0vN6cX1m2bS8qWz3T5Q'))
      .replaceAll(/(?<=^|key )[\w-]{12}(?= {2}| to )/gm, 'pX3kQ0aZ1bYc')
  for (const [, command = '', shown = ''] of blocks) {
    // The page says that the services are restarted before.
    if (command.startsWith('kytos-settings reseal')) {
      await stage.stop()
      await stage.start()
    }
    const { stdout } = await promisify(execFile)(
      'bash',
      ['-euo', 'pipefail', '-c', `exec 2>&1\n${command.replaceAll('http://127.0.0.1:8181', stage.url)}`],
      { cwd: stage.cwd, env },
    )
    expect(plain(stdout), command).toBe(shown)
  }
}, 180_000)
