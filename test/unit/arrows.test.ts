import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { architectureText, foldersOf, lintText, ROOMS, roomOf } from '../../scripts/arrows.mjs'

/*
 * rooms.json says what each room may import. The linter's rules and the table of rooms in
 * docs/architecture.md are derived from it; here the tree is held against it, and the linter against a file
 * that imports every room.
 */

const ROOT = join(import.meta.dirname, '../..')
const NAMES = Object.keys(ROOMS)
const FOLDERS = NAMES.flatMap(room => foldersOf(room).map(folder => ({ room, folder })))
const IMPORT = /(?:\bfrom\s+|\bimport\s*\(?\s*)'(\.[^']+)'/g

/** Every import within the tree, types included: the file, and the file that it names. */
const imports = await Promise.all(
  FOLDERS.map(async ({ folder }) => {
    const files = await filesIn(folder)
    return Promise.all(
      files.map(async file => {
        const text = await readFile(join(ROOT, file), 'utf8')
        const targets = [...text.matchAll(IMPORT)].map(([, target = '']) =>
          relative(ROOT, join(ROOT, folder, target)),
        )
        return { file, targets, lines: text.split('\n').length - 1 }
      }),
    )
  }),
).then(all => all.flat())

async function filesIn(folder: string): Promise<string[]> {
  const { readdir } = await import('node:fs/promises')
  return (await readdir(join(ROOT, folder)))
    .filter(name => /(?<!\.d)\.ts$/.test(name))
    .map(name => `${folder}/${name}`)
}

/** The members of a graph that lie on a circle. */
function circles(edges: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const reaches = (from: string, to: string): boolean => {
    const seen = new Set<string>()
    const open = [...(edges.get(from) ?? [])]
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (next === to) return true
      if (seen.has(next)) continue
      seen.add(next)
      open.push(...(edges.get(next) ?? []))
    }
    return false
  }
  return [...edges.keys()].filter(name => reaches(name, name)).sort()
}

function graph(nameOf: (file: string) => string | undefined): Map<string, Set<string>> {
  const edges = new Map<string, Set<string>>()
  for (const { file, targets } of imports) {
    const from = nameOf(file)
    if (from === undefined) continue
    const to = edges.get(from) ?? new Set<string>()
    edges.set(from, to)
    for (const target of targets) {
      const name = nameOf(target)
      if (name !== undefined && name !== from) to.add(name)
    }
  }
  return edges
}

describe('the tree', () => {
  it('imports only what rooms.json allows, types included', () => {
    const wrong = imports.flatMap(({ file, targets }) => {
      const room = roomOf(file) ?? ''
      return targets.flatMap(target => {
        const other = roomOf(target)
        const isAllowed = other === room || (other !== undefined && ROOMS[room]?.imports.includes(other))
        return isAllowed ? [] : [`${file} -> ${target}`]
      })
    })
    expect(imports.length).toBeGreaterThan(300)
    expect(wrong).toEqual([])
  })

  it('uses every arrow that rooms.json allows', () => {
    const used = graph(roomOf)
    const unused = NAMES.flatMap(room =>
      (ROOMS[room]?.imports ?? [])
        .filter(other => !used.get(room)?.has(other))
        .map(other => `${room} -> ${other}`),
    )
    expect(unused).toEqual([])
  })

  it('has no circle, neither of rooms nor of folders nor of files', () => {
    expect(circles(graph(roomOf))).toEqual([])
    expect(circles(graph(dirname))).toEqual([])
    expect(circles(graph(file => file))).toEqual([])
  })

  it('has rooms of at most 60 files, folders of at most 25, and a median file below 100 lines', () => {
    const count = (names: readonly string[]): Map<string, number> =>
      names.reduce((sum, name) => sum.set(name, (sum.get(name) ?? 0) + 1), new Map<string, number>())
    const rooms = count(imports.map(({ file }) => roomOf(file) ?? ''))
    const folders = count(imports.map(({ file }) => dirname(file)))
    const lines = imports.map(one => one.lines).sort((a, b) => a - b)
    expect([...rooms].filter(([, files]) => files > 60)).toEqual([])
    expect([...folders].filter(([, files]) => files > 25)).toEqual([])
    expect(lines[Math.floor(lines.length / 2)]).toBeLessThan(100)
  })

  it('has no folder outside the rooms', () => {
    const outside = imports.flatMap(({ targets }) => targets).filter(target => roomOf(target) === undefined)
    expect(outside).toEqual([])
  })
})

describe('what is derived from rooms.json', () => {
  it.each([
    ['biome.rooms.json', lintText],
    ['docs/architecture.md', architectureText],
  ])('%s is as `node scripts/arrows.mjs` writes it', async (file, text) => {
    expect(await readFile(join(ROOT, file), 'utf8')).toBe(text())
  })
})

interface Finding {
  readonly rule: string
  readonly file: string
  readonly line: number
}

describe('the linter', () => {
  let folder: string
  let findings: readonly Finding[]

  beforeAll(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'kytos-arrows-')))
    for (const file of ['biome.json', 'biome.rooms.json']) await cp(join(ROOT, file), join(folder, file))
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
    for (const probe of FOLDERS) await write(`${probe.folder}/probe.ts`, probeText(probe.folder))
    await write('src/app/one.ts', "import { two } from './two.ts'\nexport const one = (): unknown => two\n")
    await write('src/app/two.ts', "import { one } from './one.ts'\nexport const two = (): unknown => one\n")
    findings = await lint(folder)
  })
  afterAll(async () => {
    await rm(folder, { recursive: true })
  })

  async function write(file: string, text: string): Promise<void> {
    await mkdir(dirname(join(folder, file)), { recursive: true })
    await writeFile(join(folder, file), text)
  }

  /** Two lines for each room: a value of it, and a type of it. */
  function probeText(from: string): string {
    return NAMES.flatMap((room, i) => {
      const path = relative(from, `${room}/probe-target.ts`)
      const target = path.startsWith('.') ? path : `./${path}`
      return [`import { value${i} } from '${target}'`, `import type { Type${i} } from '${target}'`]
    }).join('\n')
  }

  it.each(FOLDERS)(
    'refuses in $folder what $room may not import, types too, and nothing else',
    ({ room, folder: from }) => {
      const lines = findings
        .filter(({ file, rule }) => file === `${from}/probe.ts` && rule === 'lint/style/noRestrictedImports')
        .map(({ line }) => line)
      const allowed = [room, ...(ROOMS[room]?.imports ?? [])]
      const expected = NAMES.flatMap((name, i) => (allowed.includes(name) ? [] : [2 * i + 1, 2 * i + 2]))
      expect([...new Set(lines)].sort((a, b) => a - b)).toEqual(expected)
    },
  )

  it('refuses imports that go round in a circle, and no other', () => {
    const rings = findings
      .filter(({ rule }) => rule === 'lint/suspicious/noImportCycles')
      .map(({ file }) => file)
    expect([...new Set(rings)].sort()).toEqual(['src/app/one.ts', 'src/app/two.ts'])
  })
})

/** What the linter finds in a folder. */
async function lint(folder: string): Promise<readonly Finding[]> {
  const biome = join(ROOT, 'node_modules/@biomejs/biome/bin/biome')
  const output = await new Promise<string>((resolve, reject) => {
    const args = [biome, 'lint', '--reporter=github', '--max-diagnostics=none', '.']
    // It exits with 1 when it finds something; its output is what counts.
    execFile(process.execPath, args, { cwd: folder, maxBuffer: 1 << 26 }, (error, stdout) =>
      stdout === '' && error ? reject(error) : resolve(stdout),
    )
  })
  return [...output.matchAll(/^::error title=(\S+?),file=(\S+?),line=(\d+),/gm)].map(
    ([, rule = '', file = '', line = '']) => ({
      rule,
      file: relative(folder, file),
      line: Number(line),
    }),
  )
}
