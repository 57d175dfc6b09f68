import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isBuilt } from '../../scripts/prepare.mjs'
import { packageRoot } from '../../src/host/package-root.ts'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'
import { freePort } from '../support/etcd-process.ts'
import { runIn } from '../unit/cli/cli-world.ts'
import { layOutOldKytos } from './old-kytos.ts'

const MAIN = join(packageRoot(), 'dist/src/main.js')

/** The text with a fixed time in place of each time. */
function timeless(text: string): string {
  return text
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, '2026-11-27 12:00:00')
    .replaceAll(/"write_id":"[0-9a-f-]{36}"/g, '"write_id":"4a7c6721-0987-4aed-b73c-878ab5517729"')
}

/** A shell in which one block is run after the other. */
function openShell(cwd: string, env: NodeJS.ProcessEnv) {
  const child = spawn('bash', ['-s'], { cwd, env, stdio: ['pipe', 'pipe', 'inherit'], detached: true })
  let shown = ''
  let wake = (): void => {}
  child.stdout.setEncoding('utf8').on('data', chunk => {
    shown += chunk
    wake()
  })
  child.once('exit', () => wake())
  child.stdin.write('exec 2>&1\n')
  return {
    /** What a block shows. @throws when one of its commands fails. */
    async type(block: string): Promise<string> {
      const end = `end of block ${Math.random()}`
      shown = ''
      child.stdin.write(`set -euo pipefail\n${block}set +eu\necho '${end}'\n`)
      while (!shown.endsWith(`${end}\n`)) {
        if (child.exitCode !== null) throw new Error(`${block}ended with ${child.exitCode}: ${shown}`)
        await new Promise<void>(resolve => {
          wake = resolve
        })
      }
      return shown.slice(0, -end.length - 1)
    },
    /** Ends it, and what still runs in it. */
    async close(): Promise<void> {
      if (child.exitCode !== null) return
      child.stdin.end('kill $(jobs -p) 2> /dev/null; wait\n')
      await once(child, 'exit')
    },
  }
}

/** Every file below some folders with the hash of what it holds and the time of its last change. */
async function fingerprint(
  root: string,
  ...folders: readonly string[]
): Promise<Readonly<Record<string, string>>> {
  const files: Record<string, string> = {}
  for (const folder of folders) {
    for (const entry of await readdir(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const file = join(entry.parentPath, entry.name)
      const hash = createHash('sha256').update(await readFile(file))
      files[file] = `${hash.digest('hex')} ${(await stat(file)).mtimeMs}`
    }
  }
  return files
}

/**
 * The messages that a table of the page has in its first column, under one of these heads, each in the parts
 * that it shows.
 */
function messagesIn(page: string): readonly (readonly string[])[] {
  const tables = [...page.matchAll(/^\| (?:reason|message) \| action \|\n\|---\|---\|\n((?:\|.*\n)+)/gm)].map(
    ([, rows = '']) => rows,
  )
  expect(tables).toHaveLength(2)
  const cells = tables.flatMap(rows => rows.trimEnd().split('\n')).map(row => row.split(' | ')[0] ?? '')
  return cells.flatMap(cell =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, message = '']) => message.split('…').map(part => part.trim())),
  )
}

describe('docs/migrating.md', () => {
  let root: string
  let port: number
  let etcd: EtcdServer
  let page: string
  let shell: ReturnType<typeof openShell>
  /** The output of all blocks. */
  let said = ''
  beforeAll(async () => {
    if (!isBuilt()) throw new Error('The build is older than its sources: npm run build.')
    root = await mkdtemp(join(tmpdir(), 'kytos-migrating-'))
    ;[port, etcd] = [await freePort(), await startEtcd()]
    await layOutOldKytos(root)
    await mkdir(join(root, 'bin'))
    await writeFile(
      join(root, 'bin/kytos-settings'),
      `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`,
    )
    await chmod(join(root, 'bin/kytos-settings'), 0o755)
    shell = openShell(tmpdir(), { PATH: `${root}/bin:${process.env.PATH}`, HOME: root, VIRTUAL_ENV: root })
    page = (await readFile(join(packageRoot(), 'docs/migrating.md'), 'utf8'))
      .replaceAll('http://127.0.0.1:2379', etcd.endpoint)
      .replaceAll('8182', String(port))
  })
  afterAll(async () => {
    await shell.close()
    await etcd.stop()
    await rm(root, { recursive: true, force: true })
  })

  it('shows the output of its commands, and leaves an old Kytos unchanged', async () => {
    const old = ['etc/kytos/', 'var/lib/kytos/napps', 'var/tmp/kytos', 'shipped']
    const before = await fingerprint(root, ...old)
    const blocks = [...page.matchAll(/^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```)?/gms)]
    expect(blocks.length).toBeGreaterThan(12)
    for (const [, command = '', shown = ''] of blocks) {
      const printed = await shell.type(command)
      expect.soft(timeless(printed), command).toBe(shown)
      said += printed
    }
    const after = await fingerprint(root, ...old)
    expect(Object.keys(before).length).toBeGreaterThan(15)
    expect(after).toMatchObject(before)
    const made = Object.keys(after).filter(file => !Object.hasOwn(before, file))
    expect(made).toEqual([join(root, 'etc/kytos/etcd.ini'), join(root, 'etc/kytos/kytos.ini')])
    expect(existsSync(join(root, 'var/tmp/kytos/storehouse/ran'))).toBe(false)
    // The output of the import shows no secret; a value that the operator requests by name may be one.
    expect(said).not.toMatch(/correct horse|battery|3f4c%/)
  }, 120_000)

  it('names only existing messages', async () => {
    await shell.close()
    const ini = 'etc/kytos/kytos.ini'
    const settings = 'var/lib/kytos/napps/kytos/of_lldp/settings.py'
    await mkdir(join(root, '.old'))
    await writeFile(join(root, '.old/settings.py'), 'A = 1\n')
    await writeFile(join(root, 'fresh.ini'), '[settings]\nport = 1\n[settings.filesystem]\npath = fresh\n')
    const stopped = new AbortController()
    stopped.abort()
    const run = async (...args: readonly string[]): Promise<void> => {
      const { stdout, stderr } = await runIn(root, args)
      said += stdout + stderr
    }
    await run('-c', 'fresh.ini', 'import', '--dry-run', settings)
    await run('-c', ini, 'import', 'nowhere/*/settings.py')
    await run('-c', ini, 'import', 'var/lib/kytos/napps')
    await run('-c', ini, 'import', '.old/settings.py')
    await run('-c', ini, 'import', 'var/lib/kytos/mef_eline.json')
    await run('-c', ini, 'set', 'kytos/of_lldp', 'POLLING_TIME=0.5')
    await run('-c', ini, 'set', 'me/own', 'A=text', '--new')
    await run('-c', ini, 'import', '.old/settings.py', '--namespace', 'me/own')
    for (const text of ['A = {"x": 1}\nT = (1,)\n', 'A = {}\nT = [1]\nP = {"__proto__": 1}\n']) {
      await writeFile(join(root, '.old/settings.py'), text)
      await run('-c', ini, 'import', '.old/settings.py', '--namespace', 'me/dicts')
    }
    await run('-c', 'etc/kytos/kytos.conf', 'start')
    said += (await runIn(root, ['-c', ini, 'import', settings], undefined, stopped)).stderr
    const other = createServer().listen(port, '127.0.0.1')
    await once(other, 'listening')
    await run('-c', ini, 'start')
    other.close()
    const env = { ...process.env, VIRTUAL_ENV: join(root, 'shipped') }
    said += await promisify(execFile)(process.execPath, [MAIN, 'list'], { cwd: tmpdir(), env }).catch(
      ({ stderr }) => stderr,
    )

    const lines = said.split('\n')
    for (const parts of messagesIn(page)) {
      expect(
        lines.some(line => parts.every(part => line.includes(part))),
        parts.join('…'),
      ).toBe(true)
    }
  }, 120_000)
})
