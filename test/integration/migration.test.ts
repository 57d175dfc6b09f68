import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { ask } from '../../events/ask.ts'
import { parseJson, printJson } from '../../model/json.ts'
import { isArray, isObject, isSealed, type Json } from '../../model/value.ts'
import { importSources } from '../../src/import/import.ts'
import { readSource } from '../../src/import/source.ts'
import { createRandom } from '../chaos/random.ts'
import { type Contents, readContents } from '../support/store-contents.ts'
import { createStore, on, open } from '../unit/settings/stores.ts'
import { type CliStage, openCliStage } from './cli-stage.ts'
import { contentsOf } from './moving-ground.ts'

/*
 * Invariant of an import: after any number of interruptions of the import or of the service, at any points, the
 * same command has the result of one uninterrupted import. The result includes the texts, the set of documents,
 * one record each, and the boxes in the order of their creation.
 */

const NAPPS = 20
/** What there is to move; the provenance of settings names these files. */
const FILES = [
  ...Array.from({ length: NAPPS }, (_, n) => `old/kytos/napp_${n}/settings.py`),
  'old/kytos.conf',
  'old/storehouse',
]
const SETTINGS = NAPPS * 6 + 3

/**
 * A settings.py with all kinds of values: numbers, texts, containers, a secret, and values that are not data.
 */
function settingsPy(n: number): string {
  return `"""Settings of NApp ${n}."""
import os
# Seconds between two polls
POLLING_TIME = ${n + 1}
COOKIE_PREFIX = 0x${(0xa0 + n).toString(16)}00000000000000
NAME = 'napp ${n}'
OPTIONS = {'vlans': [${n}, 4095], 'ports': {1, 2}, 'pair': (1.5, None), 'on': True}
URL = 'http://127.0.0.1' + ':80${n}'
DB_PASSWORD = 'secret ${n}'
LOCK = object()
`
}

/**
 * Everything that an import leaves for good: the texts without who wrote them and when, by key, and the
 * orders that mean something, by owner.
 */
function lasting({ texts, boxes, schemas, unrecorded, overtaken }: Contents): ReadonlyMap<string, string> {
  const all = {
    ...texts,
    ...prefixed('order of ', boxes),
    ...prefixed('order of ', schemas),
    unrecorded: printJson(unrecorded),
    overtaken: printJson(overtaken),
  }
  const kept = Object.entries(all).filter(([key]) => !key.includes(OWN))
  return new Map(
    kept.map(([key, text]) => [key, printJson(timeless(parseJson(text), key.endsWith(UNTIMED)))]),
  )
}

/** The schema of the stage's own NApp, and the box without a creation time. */
const OWN = 'schemas/kytos/link_discovery'
const UNTIMED = '/untimed'
const FLEETING = new Set(['write_id', 'at', 'updated_at', 'actor', 'updated_by', 'controller'])

function prefixed(
  prefix: string,
  orders: Readonly<Record<string, readonly string[]>>,
): Record<string, string> {
  return Object.fromEntries(Object.entries(orders).map(([owner, keys]) => [prefix + owner, printJson(keys)]))
}

function timeless(value: Json, isUntimed: boolean): Json {
  // Sealed differently each time; that the import finds it the same shows its value.
  if (isSealed(value)) return 'a secret'
  if (isArray(value)) return value.map(member => timeless(member, isUntimed))
  if (!isObject(value)) return value
  const kept: Record<string, Json> = {}
  for (const [key, member] of Object.entries(value))
    if (!FLEETING.has(key) && !(isUntimed && key === 'created_at')) kept[key] = timeless(member, isUntimed)
  return kept
}

/** The first lines that are in one of them only, or differ. */
function differing(is: ReadonlyMap<string, string>, should: ReadonlyMap<string, string>): readonly object[] {
  const keys = [...new Set([...is.keys(), ...should.keys()])].filter(key => is.get(key) !== should.get(key))
  return keys
    .slice(0, 5)
    .map(key => ({ key, is: is.get(key)?.slice(0, 300), should: should.get(key)?.slice(0, 300) }))
}

/** Runs an import until `most` documents are imported, then ends it with `end`. */
async function interrupted(stage: CliStage, most: number, end: (pid: number) => unknown): Promise<void> {
  const terminal = stage.terminal(['import', ...FILES])
  const done = () => Number([...terminal.shown().matchAll(/imported: (\d+) of/g)].at(-1)?.[1] ?? 0)
  await expect.poll(done, { timeout: 60_000, interval: 5 }).toBeGreaterThanOrEqual(most)
  await end(await terminal.pid())
  expect(await terminal.ended).not.toBe(0)
}

/** Creates an old Kytos in a folder, and returns the result of an uninterrupted import of it. */
async function layOut(ground: string, boxes: number): Promise<ReadonlyMap<string, string>> {
  for (let n = 0; n < NAPPS; n++) {
    const folder = join(ground, `old/kytos/napp_${n}`)
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'settings.py'), settingsPy(n))
  }
  await writeFile(
    join(ground, 'old/kytos.conf'),
    '[daemon]\nport = 6653\njwt_secret = secret\nnapps_pre_installed = ["kytos/settings"]\n',
  )
  const script = fileURLToPath(new URL('import-storehouse.py', import.meta.url))
  execFileSync('python3', [script, join(ground, 'old/storehouse'), String(boxes), String(NAPPS)])
  const store = createStore()
  const controller = await open(store)
  const view = controller.root.view({ type: 'import', name: 'a migration' })
  const sources = []
  for (const file of FILES) sources.push(...(await readSource(file, { cwd: ground, environment: {} })))
  const report = await importSources((name, content) => ask(view, name, content), sources, {
    overwrite: false,
    dryRun: false,
  })
  expect(report.counts).toEqual({ new: SETTINGS + boxes + 6, changed: 0, same: 0, skipped: NAPPS + 8 })
  await controller.close()
  const backend = on(store)
  await backend.open()
  const meant = lasting(await readContents(backend))
  await backend.close()
  return meant
}

const LEGS = [
  // More than one page of a listing.
  { backend: 'etcd', boxes: process.env.CHAOS_LONG ? 10_000 : 2_500 },
  // In a folder each box gets a file, synced: most of the time of this test.
  { backend: 'filesystem', boxes: process.env.CHAOS_LONG ? 10_000 : 1_000 },
] as const

it.for(LEGS)(
  'a migration of 20 NApps and $boxes boxes into $backend is killed at random points, run again, and is equal',
  { timeout: 240_000 },
  async leg => {
    const { backend, boxes } = leg
    const random = createRandom(Number(process.env.FC_SEED ?? boxes))
    const ground = await mkdtemp(join(tmpdir(), 'kytos-migration-'))
    const stage = await openCliStage(backend)
    const kill = (pid: number) => process.kill(pid, 'SIGKILL')
    try {
      const meant = await layOut(ground, boxes)
      await symlink(join(ground, 'old'), join(stage.cwd, 'old'))
      await stage.start()
      await interrupted(stage, random.between(1, SETTINGS), kill)
      // Early, for what was done before is compared each time; CHAOS_LONG goes farther.
      const far = process.env.CHAOS_LONG ? 0.7 : 0.3
      await interrupted(stage, random.between(SETTINGS, boxes * far * 0.5), kill)
      await interrupted(stage, random.between(boxes * far * 0.5, boxes * far), () => stage.stop('SIGKILL'))
      await stage.start()
      const { exit, stdout } = await stage.run(['import', ...FILES])
      expect(exit).toBe(0)
      expect(stdout).toMatch(/\d+ new, 0 changed, [1-9]\d{2,} same, 28 skipped\.\n$/)
      await stage.stop()
      expect(differing(lasting(await contentsOf(join(stage.cwd, 'kytos.ini'))), meant)).toEqual([])
    } finally {
      await stage.close()
      await rm(ground, { recursive: true, force: true })
    }
  },
)
