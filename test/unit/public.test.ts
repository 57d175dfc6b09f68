import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const read = (file: string): Promise<string> => readFile(join(ROOT, file), 'utf8')

interface EntryPoint {
  readonly name: string
  readonly file: string
}

/** The functions, classes and constants that src/public.ts exports, with the files that declare them. */
function valuesOf(text: string): readonly EntryPoint[] {
  return [...text.matchAll(/^export \{([^}]*)\} from '([^']+)'/gm)].flatMap(([, list = '', from = '']) =>
    list
      .split(',')
      .map(name => name.trim())
      .filter(name => name !== '' && !name.startsWith('type '))
      .map(name => ({ name, file: join('src', from) })),
  )
}

const ENTRY_POINTS: readonly EntryPoint[] = [
  ...valuesOf(await read('src/public.ts')),
  { name: 'CreateNApp', file: 'src/client/napp.ts' },
  { name: 'createNApp', file: 'src/app/napp.ts' },
  { name: 'BackendModule', file: 'backends/module.ts' },
  { name: 'suite', file: 'conformance/suite.ts' },
]

describe('the public entry points', () => {
  it('include the Config API and the remote bus', () => {
    expect(ENTRY_POINTS.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['openSettings', 'openMemorySettings', 'openRemoteBus', 'SettingsError']),
    )
  })

  it.each(ENTRY_POINTS)('$name has an example in its documentation', async ({ name, file }) => {
    const text = await read(file)
    const start = text.search(
      new RegExp(`^export (?:default )?(?:async )?(?:function|class|const|type|interface) ${name}\\b`, 'm'),
    )
    expect(start, `${file} declares ${name}`).toBeGreaterThan(0)
    const before = text.slice(0, start)
    const comment = before.slice(before.lastIndexOf('/**'))
    expect(comment).toMatch(/\*\/\n$/)
    expect(comment).toMatch(/^ \* @example\n \* \S/m)
  })
})
