import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { ETCD_KINDS } from './etcd/stage.ts'
import { KINDS as FILESYSTEM_KINDS } from './filesystem/stage.ts'
import { MUTANTS } from './mutants.ts'

const page = await readFile(new URL('../../docs/reliability.md', import.meta.url), 'utf8')

/** The first cells of the table below a heading. */
function cells(heading: string, at = 0): string[] {
  const section = page.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  const rows = section.split('\n').filter(line => line.startsWith('|'))
  return rows.slice(2).map(line => line.split('|')[at + 1]?.trim() ?? '')
}

describe('docs/reliability.md', () => {
  it('names every mutant', () => {
    expect(cells('The judge and its mutants').sort()).toEqual(MUTANTS.map(({ name }) => name).sort())
  })

  it('names every kind of faults', () => {
    const kinds = [
      ...ETCD_KINDS.map(kind => `etcd \`${kind}\``),
      ...FILESYSTEM_KINDS.map(kind => `filesystem \`${kind}\``),
    ]
    expect(cells('Faults').sort()).toEqual(kinds.sort())
  })

  it.each(['Findings', 'Confirmed commits'])('names a case that exists for all that "%s" lists', heading => {
    const cases = cells(heading, 1).flatMap(text =>
      [...text.matchAll(/`((?:unit|integration|chaos)\/[^`]+)`/g)].map(([, name]) => `../${name}.test.ts`),
    )
    expect(cases.length).toBeGreaterThan(15)
    expect(cases.filter(name => !existsSync(new URL(name, import.meta.url)))).toEqual([])
  })
})
