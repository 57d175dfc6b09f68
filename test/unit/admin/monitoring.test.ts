import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'

/*
 * The files of docs/admin/monitoring use metrics that exist: those of docs/operations.md, which another test
 * compares with a real process, and those of etcd, which test/guides compares with a real etcd.
 */

const DOCS = join(import.meta.dirname, '../../../docs')
const read = (name: string): Promise<string> => readFile(join(DOCS, name), 'utf8')
const operations = await read('operations.md')
const alerts = await read('admin/monitoring/alerts.yml')
const names = new Map(
  [...operations.matchAll(/^\| `([a-z_]+)` \| (gauge|counter|histogram) \|/gm)].map(
    ([, name = '', type = '']) => [`kytos_settings_${name}`, type],
  ),
)

it.each(['alerts.yml', 'alerts-test.yml', 'dashboard.json'])('%s uses metrics that exist', async file => {
  const text = await read(`admin/monitoring/${file}`)
  const used = [...text.matchAll(/\bkytos_settings_[a-z_]+/g)].map(([name]) => name)
  expect(used.length).toBeGreaterThan(3)
  const isKnown = (name: string): boolean =>
    names.has(name) ||
    (name.endsWith('_bucket') && names.get(name.slice(0, -'_bucket'.length)) === 'histogram')
  expect(used.filter(name => !isKnown(name))).toEqual([])
})

it('every alert has a row in docs/admin/monitoring.md, and no other', async () => {
  const [, table = ''] = (await read('admin/monitoring.md')).split('\n## Alerts\n')
  const rows = table.split('\n').filter(line => line.startsWith('| `'))
  const described = rows
    .flatMap(row => [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)])
    .map(([, name]) => name)
  const declared = [...alerts.matchAll(/- alert: (\w+)/g)].map(([, name]) => name)
  expect(declared.length).toBeGreaterThan(10)
  expect(described).toEqual(declared)
})

it('the dashboard has a query and a description in every panel, and panels that do not overlap', async () => {
  const { panels } = JSON.parse(await read('admin/monitoring/dashboard.json')) as {
    panels: { id: number; description: string; gridPos: object; targets: { expr: string }[] }[]
  }
  expect(new Set(panels.map(({ gridPos }) => JSON.stringify(gridPos))).size).toBe(panels.length)
  for (const { description, targets } of panels) {
    expect(description).toMatch(/\.$/)
    expect(targets.map(({ expr }) => expr).join()).not.toBe('')
  }
})
