import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import * as contract from '../../backends/public.ts'
import { ERRORS } from '../../model/errors.ts'
import { checkConfig } from '../../src/boot/config-check.ts'
import { readIni } from '../../src/boot/ini.ts'

const ROOT = join(import.meta.dirname, '../..')
const read = (file: string): Promise<string> => readFile(join(ROOT, file), 'utf8')

/** Whether the commit-msg hook takes a message. */
async function takes(message: string): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'kytos-hook-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'message'), message)
  try {
    execFileSync(join(ROOT, 'scripts/hooks/commit-msg'), [join(folder, 'message')], { stdio: 'pipe' })
    return true
  } catch {
    return false
  }
}

describe('The commit-msg hook', () => {
  it.each([
    'boot: load backends of other packages',
    'src/http: reject it\n\nA body.\n# a comment\n',
    `docs: ${'x'.repeat(66)}`,
    'Merge branch x',
  ])('takes %j', async message => {
    expect(await takes(message)).toBe(true)
  })

  it.each([
    'Boot: load it',
    'load it',
    'boot: load it.',
    'boot:load it',
    `docs: ${'x'.repeat(67)}`,
    'boot: load it\nbody',
  ])('refuses %j', async message => {
    expect(await takes(message)).toBe(false)
  })
})

describe('CONTRIBUTING.md', () => {
  it('names only files and scripts that are there', async () => {
    const text = await read('CONTRIBUTING.md')
    const { scripts }: { scripts: Record<string, string> } = JSON.parse(await read('package.json'))
    const paths = [...text.matchAll(/`((?:[\w-]+\/)+[\w.-]*|[\w-]+\.(?:json|md))`/g)].map(
      ([, path = '']) => path,
    )
    expect(paths.length).toBeGreaterThan(10)
    expect(paths.filter(path => !existsSync(join(ROOT, path)))).toEqual([])
    for (const [, name = ''] of text.matchAll(/npm (?:run )?([\w:]+)/g))
      expect(Object.keys(scripts)).toContain(name)
  })
})

describe('docs/backends.md', () => {
  it('names error codes and exports that there are, and shows a kytos.ini that is right', async () => {
    const text = await read('docs/backends.md')
    const codes = [...text.matchAll(/`([A-Z]+_[A-Z_]+)`/g)].map(([, code]) => code)
    expect(codes.length).toBeGreaterThan(5)
    for (const code of codes) expect(Object.keys(ERRORS)).toContain(code)
    const [, example = ''] = /```ini\n(.*?)```/s.exec(text) ?? []
    expect(checkConfig(readIni(example), '/').problems).toEqual([])
    for (const name of ['SettingsError', 'makeKey', 'makePrefix', 'EVERYTHING', 'mayRepeat', 'settle']) {
      expect(text).toContain(`\`${name}\``)
      expect(Object.keys(contract)).toContain(name)
    }
  })
})
