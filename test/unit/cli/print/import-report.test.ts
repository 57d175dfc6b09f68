import { expect, it } from 'vitest'
import { printImportReport } from '../../../../src/cli/print/import-report.ts'
import { createReport, type ReportItem } from '../../../../src/import/report.ts'

const setting = { kind: 'setting', file: 'settings.py', namespace: 'kytos/of_lldp' } as const
const box = {
  kind: 'box',
  namespace: 'kytos.topology',
  name: '5e',
  file: 'storehouse/kytos.topology/5e',
} as const
const ITEMS: readonly ReportItem[] = [
  { ...setting, action: 'new', name: 'A', line: 1, layer: 'default', new: 3 },
  { ...setting, action: 'new', name: 'B', line: 2, layer: 'override', old: 1, new: 2n ** 64n },
  { ...setting, action: 'new', name: 'PASSWORD', line: 3, layer: 'override' },
  { ...setting, action: 'changed', name: 'C', line: 4, layer: 'override', old: 5, new: ['x'.repeat(80)] },
  {
    ...setting,
    action: 'changed',
    name: 'D',
    line: 5,
    layer: 'override',
    old: { a: 1 },
    new: {},
    reason: 'its default has a too',
  },
  { ...setting, action: 'same', name: 'E', line: 6, layer: 'default' },
  {
    ...setting,
    action: 'skipped',
    name: 'F',
    line: 7,
    old: 1,
    new: 2,
    reason: '1 is already stored; --overwrite replaces it',
  },
  { ...box, action: 'new', reason: 'dates became text' },
  { ...box, action: 'skipped', name: 'f0', reason: 'it is empty' },
  { kind: 'file', action: 'skipped', file: 'broken.json', line: 1, reason: 'it must be an object' },
]

it('the report of an import tells of each thing the layer and the value, or why not, and of a secret neither', () => {
  const text = `\
new      kytos/of_lldp A         settings.py:1                 default 3
new      kytos/of_lldp B         settings.py:2                 override 18446744073709551616
new      kytos/of_lldp PASSWORD  settings.py:3                 override (a secret)
changed  kytos/of_lldp C         settings.py:4                 override 5 -> ["${'x'.repeat(55)}...
changed  kytos/of_lldp D         settings.py:5                 override {"a":1} -> {}; its default has a too
skipped  kytos/of_lldp F         settings.py:7                 1 is already stored; --overwrite replaces it
new      kytos.topology 5e       storehouse/kytos.topology/5e  dates became text
skipped  kytos.topology f0       storehouse/kytos.topology/5e  it is empty
skipped  -                       broken.json:1                 it must be an object
`
  expect(printImportReport(createReport(ITEMS, false))).toBe(`${text}4 new, 2 changed, 1 same, 3 skipped.\n`)
  expect(printImportReport(createReport(ITEMS, true))).toBe(
    `${text}Planned: 4 new, 2 changed, 1 same, 3 skipped. Nothing was written.\n`,
  )
})
