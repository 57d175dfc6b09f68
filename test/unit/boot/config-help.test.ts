import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { PERMISSIONS } from '../../../model/permissions.ts'
import { checkConfig } from '../../../src/boot/config-check.ts'
import { configTable, describeConfig } from '../../../src/boot/config-help.ts'
import { configSections } from '../../../src/boot/config-schema.ts'
import { readIni } from '../../../src/boot/ini.ts'

test('docs/configuration.md holds the table of all keys as the code has it', async () => {
  const text = await readFile(new URL('../../../docs/configuration.md', import.meta.url), 'utf8')
  const tables = text.match(/^\|.*(?:\n\|.*)*/gm) ?? []
  expect(tables.filter(table => table.startsWith('| section |'))).toEqual([configTable()])
})

test.each(['configuration.md', 'security.md'])(
  'the examples in docs/%s are files that are right',
  async name => {
    const text = await readFile(new URL(`../../../docs/${name}`, import.meta.url), 'utf8')
    const examples = [...text.matchAll(/```ini\n(.*?)```/gs)].map(([, example = '']) => example)
    expect(examples.length).toBeGreaterThan(0)
    for (const example of examples) expect(checkConfig(readIni(example), '/').problems).toEqual([])
  },
)

test('docs/security.md names every right', async () => {
  const text = await readFile(new URL('../../../docs/security.md', import.meta.url), 'utf8')
  expect([...text.matchAll(/^\| `(\w+)` \|/gm)].map(([, right]) => right)).toEqual(PERMISSIONS)
})

test('help names every key with its default and meaning', () => {
  const help = describeConfig()
  for (const [section, keys] of configSections()) {
    expect(help).toContain(`[${section}]\n`)
    for (const [key, { default: value, otherwise, description }] of Object.entries(keys)) {
      expect(help).toContain(
        value === undefined ? `  ${key} (default: ${otherwise})\n` : `  ${key} = ${value}\n`,
      )
      expect(help).toContain(description)
    }
  }
})

test('every default is a value that the key itself would take', () => {
  for (const [, keys] of configSections()) {
    for (const { type, default: value } of Object.values(keys)) {
      if (value !== undefined) expect(type.read(value)).toHaveProperty('value')
    }
  }
})
