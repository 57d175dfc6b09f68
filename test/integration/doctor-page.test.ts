import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { FINDINGS } from '../../src/doctor/findings.ts'
import { packageRoot } from '../../src/host/package-root.ts'

const CODES = Object.keys(FINDINGS)

async function textOf(folder: string, pattern: RegExp): Promise<string> {
  const names = (await readdir(join(packageRoot(), folder))).filter(name => pattern.test(name))
  return (await Promise.all(names.map(name => readFile(join(packageRoot(), folder, name), 'utf8')))).join(
    '\n',
  )
}

describe('The findings', () => {
  it('are those of the table in docs/moving-stores.md, with their severities and their meaning', async () => {
    const page = await readFile(join(packageRoot(), 'docs/moving-stores.md'), 'utf8')
    const rows = [...page.matchAll(/^\| `([a-z]+\.[a-z_]+)` \| (.*?) \| (.*) \|$/gm)].map(
      ([, code = '', severity, means]) => [code, severity, means],
    )
    expect(rows).toEqual(
      Object.entries(FINDINGS).map(([code, { severity, means }]) => [code, severity.join(' or '), means]),
    )
  })

  it('are all reported by the source, and all found in the tests of the doctor', async () => {
    const source = (await textOf('src/doctor', /\.ts$/)).replace(
      await readFile(join(packageRoot(), 'src/doctor/findings.ts'), 'utf8'),
      '',
    )
    const tests = await textOf('test/integration', /^doctor.*\.test\.ts$/)
    expect(CODES.filter(code => !source.includes(`'${code}'`))).toEqual([])
    expect(CODES.filter(code => !tests.includes(`'${code}'`))).toEqual([])
  })
})
