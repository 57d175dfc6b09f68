import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { Ask } from '../../../src/import/ask.ts'
import { importBoxes } from '../../../src/import/boxes-import.ts'
import { scanStorehouse } from '../../../src/import/storehouse-folder.ts'

it('Large boxes are read a few at a time, and others have their turn between two of them', async () => {
  const root = await mkdtemp(join(tmpdir(), 'boxes-'))
  onTestFinished(() => rm(root, { recursive: true }))
  const script = join(import.meta.dirname, '../../integration/import-storehouse.py')
  const folders = ['a', 'b', 'c'].map(name => join(root, name))
  for (const folder of folders)
    execFileSync('python3', [script, folder, '0'], { env: { ...process.env, CHARACTERS: '3000000' } })
  const boxes = (await Promise.all(folders.map(folder => scanStorehouse(folder, folder)))).flatMap(
    (found, i) => found.boxes.map(box => ({ ...box, namespace: `large${i}` })),
  )
  let underWay = 0
  let turns = 0
  const ticks = setInterval(() => turns++, 0)
  onTestFinished(() => clearInterval(ticks))
  const seen: (readonly [underWay: number, hadTurn: boolean])[] = []
  const ask = async (name: string): Promise<unknown> => {
    if (name === 'kytos.storehouse.list') return []
    seen.push([++underWay, turns > 0])
    turns = 0
    await new Promise(resolve => setTimeout(resolve, 20))
    underWay--
    return {}
  }
  const report = await importBoxes(
    ask as Ask,
    { kind: 'boxes', file: root, boxes },
    { dryRun: false, overwrite: false },
    () => {},
  )
  expect(report.map(({ action }) => action)).toEqual(['new', 'new', 'new'])
  expect(seen.map(([held]) => held)).toEqual([1, 1, 1])
  expect(seen.slice(1).every(([, hadTurn]) => hadTurn)).toBe(true)
})
