import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../../src/host/package-root.ts'
import { freePort } from '../support/etcd-process.ts'
import { freshFolder, kytosSettings } from './host-process.ts'

const ROOT = packageRoot()
const PRINTED_TIMEOUT_MS = 30_000
const START = 'npx kytos-settings start\n'

/** A folder of an author in which the package is installed as npm lays it out, without its sources. */
async function authorFolder(): Promise<string> {
  const cwd = await freshFolder()
  await rm(join(cwd, 'kytos.ini'))
  const installed = join(cwd, 'node_modules/kytos-settings')
  await mkdir(installed, { recursive: true })
  const { files }: { files: string[] } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
  for (const name of ['package.json', ...files.filter(file => file !== 'dist' && !file.includes('*'))])
    await cp(join(ROOT, name), join(installed, name), { recursive: true })
  for (const name of ['dist', 'node_modules']) await symlink(join(ROOT, name), join(installed, name))
  return cwd
}

describe('docs/napp-api.md', () => {
  it('shows commands with which an author writes, breaks, upgrades and removes a NApp', async () => {
    const page = await readFile(join(ROOT, 'docs/napp-api.md'), 'utf8')
    const blocks = [...page.matchAll(/^```sh\n(.*?)^```\n(?:(?:\n[A-Z][^`]*?)?\n```text\n(.*?)^```)?/gms)]
    expect(blocks.map(([, command = '']) => /create|start|--force|uninstall/.exec(command)?.[0])).toEqual([
      'create',
      'start',
      undefined,
      '--force',
      '--force',
      'uninstall',
    ])
    const cwd = await authorFolder()
    const port = await freePort()
    const npx = `npx() { shift; '${process.execPath}' '${join(ROOT, 'dist/src/main.js')}' "$@"; }`
    let output = ''
    let service = (): string => ''
    for (const [, command = '', shown = ''] of blocks) {
      const before = service().length
      output = ''
      if (command === START) {
        const ini = await readFile(join(cwd, 'kytos.ini'), 'utf8')
        await writeFile(
          join(cwd, 'kytos.ini'),
          ini.replace('8181', String(port)).replace('[settings]\n', '[settings]\nlog = text\n'),
        )
        const started = kytosSettings(cwd, 'start')
        service = started.output
        await started.ready
      } else {
        const ran = await promisify(execFile)('bash', ['-c', `set -e\n${npx}\n${command}`], { cwd })
        output = ran.stdout
      }
      for (const line of shown.trimEnd().split('\n'))
        await expect
          .poll(() => output + service().slice(before), { timeout: PRINTED_TIMEOUT_MS })
          .toContain(line)
    }
    await expect(readFile(join(cwd, 'var/lib/kytos/settings/settings/me/my_poller.json'))).rejects.toThrow(
      'ENOENT',
    )
    expect(await readFile(join(cwd, 'me/my_poller/main.mjs'), 'utf8')).toContain('openSettings')
  })

  it('shows the napp.json that napps create makes, and describes every key and member of the context', async () => {
    const page = await readFile(join(ROOT, 'docs/napp-api.md'), 'utf8')
    const [, json = ''] = /^```json\n(.*?)^```/ms.exec(page) ?? []
    const cwd = await freshFolder()
    expect(await kytosSettings(cwd, 'napps', 'create', 'me/my_poller').ended).toBe(0)
    expect(await readFile(join(cwd, 'me/my_poller/napp.json'), 'utf8')).toBe(json)
    const types = await readFile(join(ROOT, 'src/client/napp.ts'), 'utf8')
    for (const [name, heading] of [
      ['Manifest', 'key of `napp.json`'],
      ['NAppContext', 'in the context'],
    ] as const) {
      const [, members = ''] = new RegExp(`^export interface ${name} \\{\\n(.*?)^\\}`, 'ms').exec(types) ?? []
      const names = [...members.matchAll(/^ {2}readonly (\w+)/gm)].map(([, member = '']) => member)
      expect(names.length).toBeGreaterThan(6)
      const rows = page.slice(page.indexOf(`| ${heading} |`)).split('\n\n')[0]
      for (const member of names) expect(rows).toMatch(new RegExp(`^\\|[^|]*\`${member}\\b`, 'm'))
    }
  })
})
