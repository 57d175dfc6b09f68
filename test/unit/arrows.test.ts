import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/*
 * What may import what (STYLE: model <- events, backends <- src), held by the linter. Small files that offend, and some that do not, are linted where
 * they would stand, in a folder with this repository's rules.
 */

/** A file and what it imports: each of these alone must be refused there. */
const REFUSED: Readonly<Record<string, readonly string[]>> = {
  'model/probe.ts': [
    '../events/bus.ts',
    '../backends/backend.ts',
    '../backends/memory/index.ts',
    '../src/feed.ts',
    '../src/watcher/cache.ts',
    '../napps/a/b/main.ts',
  ],
  'events/probe.ts': ['../backends/backend.ts', '../backends/etcd/index.ts', '../src/log.ts', '../src/settings/layers.ts', '../napps/a/b/main.ts'],
  'backends/probe.ts': ['../events/map.ts', '../src/log.ts', '../src/watcher/cache.ts', '../napps/a/b/main.ts'],
  'backends/memory/probe.ts': [
    '../../events/map.ts',
    '../../src/log.ts',
    '../filesystem/index.ts',
    '../etcd/index.ts',
    '../registry.ts',
    '../../napps/a/b/main.ts',
  ],
  'backends/filesystem/probe.ts': ['../../events/map.ts', '../../src/log.ts', '../memory/index.ts', '../etcd/client.ts', '../registry.ts'],
  'backends/etcd/probe.ts': ['../../events/map.ts', '../../src/log.ts', '../memory/store.ts', '../filesystem/journal.ts', '../registry.ts'],
  'src/http/probe.ts': ['../../backends/backend.ts', '../../backends/registry.ts', '../../backends/memory/index.ts'],
  'src/cli/probe.ts': ['../../backends/backend.ts', '../../backends/registry.ts', '../../backends/etcd/index.ts'],
  'src/import/probe.ts': ['../../backends/backend.ts', '../../backends/registry.ts', '../../backends/filesystem/index.ts'],
  'napps/kytos/probe/main.ts': [
    '../../../backends/backend.ts',
    '../../../src/settings/layers.ts',
    '../../../src/watcher/cache.ts',
    '../../../src/http/server.ts',
    '../../../src/cli/program.ts',
  ],
}

/** As above, but none of these is. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'model/probe.ts': ['./json.ts', 'node:crypto'],
  'events/probe.ts': ['../model/json.ts', './bus.ts', 'mitt'],
  'backends/probe.ts': ['../model/json.ts', './memory/index.ts', './etcd/index.ts', './backend.ts'],
  'backends/memory/probe.ts': ['../../model/json.ts', '../backend.ts', './store.ts'],
  'backends/filesystem/probe.ts': ['../../model/json.ts', '../backend.ts', './journal.ts'],
  'backends/etcd/probe.ts': ['../../model/json.ts', '../backend.ts', './client.ts', 'etcd3'],
  'src/probe.ts': ['../model/json.ts', '../events/bus.ts', '../backends/registry.ts', './watcher/cache.ts', './http/server.ts'],
  'src/watcher/probe.ts': ['../../backends/backend.ts', '../../events/map.ts', '../settings/layers.ts'],
  'src/http/probe.ts': ['../../model/json.ts', '../../events/ask.ts', '../feed.ts', 'fastify'],
  'src/cli/probe.ts': ['../../model/json.ts', '../../events/ask.ts', '../boot/config.ts'],
  'src/import/probe.ts': ['../../model/json.ts', '../../events/ask.ts', '../settings/layers.ts', '../boot/ini.ts', '@lezer/python'],
  'napps/kytos/probe/main.ts': ['../../../src/host/napp.ts', '../../../events/map.ts', '../../../model/json.ts'],
}

const ROOT = join(import.meta.dirname, '../..')

interface Finding {
  readonly rule: string
  readonly file: string
  readonly line: number
}

let folder: string
let findings: readonly Finding[]

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'kytos-arrows-')))
  await cp(join(ROOT, 'biome.json'), join(folder, 'biome.json'))
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  for (const file of new Set([...Object.keys(REFUSED), ...Object.keys(ALLOWED)])) {
    const targets = [...(REFUSED[file] ?? []), ...(ALLOWED[file] ?? [])]
    await write(file, targets.map((target, i) => `export { a${i} } from '${target}'\n`).join(''))
  }
  await write('src/ring/one.ts', "import { two } from './two.ts'\nexport const one = (): unknown => two\n")
  await write('src/ring/two.ts', "import { three } from './three.ts'\nexport const two = (): unknown => three\n")
  await write('src/ring/three.ts', "import { one } from './one.ts'\nexport const three = (): unknown => one\n")
  await write('src/line/one.ts', "import { two } from './two.ts'\nexport const one = (): unknown => two\n")
  await write('src/line/two.ts', 'export const two = 2\n')
  findings = await lint()
})
afterAll(async () => {
  await rm(folder, { recursive: true })
})

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, file)), { recursive: true })
  await writeFile(join(folder, file), text)
}

/** What the linter finds in the folder. */
async function lint(): Promise<readonly Finding[]> {
  const biome = join(ROOT, 'node_modules/@biomejs/biome/bin/biome')
  const output = await new Promise<string>((resolve, reject) => {
    const args = [biome, 'lint', '--reporter=github', '--max-diagnostics=none', '.']
    // It exits with 1 when it finds something; what matters is what it says.
    execFile(process.execPath, args, { cwd: folder, maxBuffer: 1 << 24 }, (error, stdout) =>
      stdout === '' && error ? reject(error) : resolve(stdout),
    )
  })
  return [...output.matchAll(/^::error title=(\S+?),file=(\S+?),line=(\d+),/gm)].map(([, rule = '', file = '', line = '']) => ({
    rule,
    file: relative(folder, file),
    line: Number(line),
  }))
}

/** The imports of a file that the arrows refuse. */
function refusedIn(file: string): string[] {
  const targets = [...(REFUSED[file] ?? []), ...(ALLOWED[file] ?? [])]
  const lines = findings.filter(finding => finding.file === file && finding.rule === 'lint/style/noRestrictedImports').map(({ line }) => line)
  return [...new Set(lines)].sort((a, b) => a - b).map(line => targets[line - 1] ?? `line ${line}`)
}

describe('the linter', () => {
  it.each(Object.keys(REFUSED))('refuses in %s every import against the arrows, and no other', file => {
    expect(refusedIn(file)).toEqual(REFUSED[file])
  })

  it.each(Object.keys(ALLOWED).filter(file => !REFUSED[file]))('allows %s what the arrows allow', file => {
    expect(refusedIn(file)).toEqual([])
  })

  it('refuses imports that go round in a circle, and no other', () => {
    const rings = findings.filter(({ rule }) => rule === 'lint/suspicious/noImportCycles').map(({ file }) => file)
    expect([...new Set(rings)].sort()).toEqual(['src/ring/one.ts', 'src/ring/three.ts', 'src/ring/two.ts'])
  })
})
