import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeKey } from '../../../model/key.ts'
import {
  CLUSTER,
  controllerScope,
  overridesKey,
  parseNamespace,
  schemaKey,
} from '../../../model/namespace.ts'
import { Cache } from '../../../src/watcher/cache.ts'
import { recordsIn, type Snapshot, SnapshotFile } from '../../../src/watcher/snapshot.ts'
import { watchSteps } from '../../chaos/filesystem-steps.ts'
import { keepLog } from '../../support/controller.ts'
import { arbitraryJson } from '../model/arbitrary-json.ts'
import { createShelf, schema, stored, written } from './shelf.ts'

const NS = parseNamespace('kytos/a')
const KEY = overridesKey(NS, CLUSTER)
const GOOD = Date.UTC(2024, 1, 29)
const STORE = 'etcd http://127.0.0.1:2379 /kytos'

let folder: string
let file: string
const log = keepLog()
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kytos-snapshot-'))
  file = join(folder, 'controller-1', 'snapshot.json')
  log.lines.length = 0
})
afterEach(async () => {
  await chmod(folder, 0o700)
  await rm(folder, { recursive: true })
})

const open = (store = STORE) => new SnapshotFile(file, store, log)

/** The cache that a process has which begins with this. */
async function load({ batch, epoch }: Snapshot): Promise<Cache> {
  const cache = new Cache('one', async () => expect.fail('the store is away'))
  await cache.apply(batch, { epoch, readHistory: async document => recordsIn(batch, document) })
  return cache
}

/** Everything that a controller answers from. */
function look(cache: Cache) {
  return {
    epoch: cache.epoch,
    revision: cache.revision,
    keys: [...cache.index.keys()].sort(),
    namespaces: cache
      .namespaces()
      .map(one => [one, cache.effective(one), cache.namespaceRevision(one), cache.schema(one)?.digest]),
    documents: [...cache.documents()]
      .map(({ key, entry, record, inForce, rejected }) => ({ key, entry, record, inForce, rejected }))
      .sort((a, b) => (a.key < b.key ? -1 : 1)),
    boxes: cache.boxes('net'),
  }
}

async function roundTrip(cache: Cache): Promise<Cache> {
  await open().flush(cache, () => GOOD)
  const snapshot = await open().read()
  return load(snapshot ?? expect.fail('nothing was read'))
}

describe('a snapshot', () => {
  it('gives back the cache as it was: overrides, deletions, schemas, boxes in their order, foreign keys', async () => {
    const { cache, change } = await createShelf()
    const document = schema({ a: { type: 'integer', default: 18446744073709551615n } }, '1.2', {
      seeded: true,
    })
    await change(stored(schemaKey(NS, document.digest), document))
    await change(...written(KEY, 1, { big: 123456789012345678901234567890n, text: '\u0000"ü' }))
    await change(...written(overridesKey(NS, controllerScope('one')), 1, { own: 1.5e300 }))
    await change(...written(overridesKey(NS, controllerScope('two')), 1, {}))
    await change(...written(overridesKey(NS, controllerScope('two')), 2, undefined))
    for (const box of ['b', 'a', 'ein/?'])
      await change({ key: makeKey('boxes', 'net', box), put: `{"data":"${'x'.repeat(99)}"}` })
    await change({ key: makeKey('settings', 'foreign', 'too', 'deep'), put: 'x'.repeat(99) })
    await change({ key: schemaKey(NS, 'unreadable'), put: '{"schema": 5}' })
    await change({ key: KEY, put: '{"by": "hand"}' })
    await cache.apply({ revision: cache.revision, changes: [] }, { epoch: 0 })
    const again = await roundTrip(cache)
    expect(look(again)).toEqual(look(cache))
  })

  it('gives back any overrides bit by bit', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryJson(), async value => {
        const { cache, change } = await createShelf()
        await change(...written(KEY, 1, { value }))
        expect((await roundTrip(cache)).effective(NS)).toEqual(cache.effective(NS))
      }),
      { numRuns: 25 },
    )
  })

  it('keeps the version that counts in place of a text that is no object, because the history is not at hand', async () => {
    const { cache, change } = await createShelf()
    const limited = schema({ a: { type: 'integer', default: 1, maximum: 9 } })
    for (const [i, a] of [3, 4].entries()) await change(...written(KEY, i + 1, { a }))
    await change(stored(schemaKey(NS, limited.digest), limited))
    await change({ key: KEY, put: '{"a":' })
    expect(cache.effective(NS)).toEqual({ a: 4 })
    expect(look(await roundTrip(cache))).toEqual(look(cache))
  })

  it('says when it was good, also a week later', async () => {
    const { cache, change } = await createShelf()
    await change(...written(KEY, 1, { a: 1 }))
    await open().flush(cache, () => GOOD)
    expect((await open().read())?.freshAt).toBe(GOOD)
  })

  it('of an older release, which did not say when it was good, is as old as its file', async () => {
    const { cache, change } = await createShelf()
    await change(...written(KEY, 1, { a: 1 }))
    await open().flush(cache, () => GOOD)
    const text = await readFile(file, 'utf8')
    for (const older of [
      text.replace(/"good":"[^"]*",/, ''),
      text.replace(/"good":"[^"]*"/, '"good":"yesterday"'),
    ]) {
      await writeFile(file, older)
      await utimes(file, 1_000, 2_000)
      expect(await open().read()).toMatchObject({ freshAt: 2_000_000, batch: { revision: 1n } })
    }
  })

  it('is only for whom it belongs to, and is replaced as a whole', async () => {
    const { cache, change } = await createShelf()
    await change(...written(KEY, 1, { a: 1 }))
    await open().flush(cache, () => GOOD)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect((await stat(join(folder, 'controller-1'))).mode & 0o777).toBe(0o700)
    await change(...written(KEY, 2, { a: 2 }))
    await open().flush(cache, () => GOOD)
    expect(await readdir(join(folder, 'controller-1'))).toEqual(['snapshot.json'])
    expect((await open().read())?.batch.revision).toBe(2n)
  })

  it('leaves the old one when a crash cut the new one short', async () => {
    const { cache, change } = await createShelf()
    await change(...written(KEY, 1, { a: 1 }))
    await open().flush(cache, () => GOOD)
    await writeFile(`${file}.4711.tmp`, (await readFile(file, 'utf8')).slice(0, 40))
    expect((await open().read())?.batch.revision).toBe(1n)
    expect(log.lines).toEqual([])
  })

  it('of an older release, which took the documents of a nested store for its own, is used without them', async () => {
    const token = `{"name":"ci","rights":["read"],"hash":"sha256:${'h'.repeat(43)}"}`
    const entry = (key: string, text: string, revision: string) => ({
      key,
      text,
      revision,
      created: revision,
    })
    const entries = [
      entry('settings/kytos/a', '{"n":1}', '3'),
      entry('settings/meta/store', '{"format":1,"epoch":5}', '4'),
      entry('settings/tokens/ab12', token, '5'),
      // The older release took it for an edit by hand, and recorded it later.
      entry(
        'history/settings/tokens/ab12/000000000001',
        '{"version":1,"revision":"5","kind":"created","data":{}}',
        '6',
      ),
      entry('settings/tokens/own', token, '7'),
      entry('history/settings/tokens/own/000000000001', '{"version":1,"kind":"created","data":{}}', '7'),
      entry('settings/boxes/net/1', '{"data":1}', '8'),
    ]
    await mkdir(join(folder, 'controller-1'))
    await writeFile(
      file,
      JSON.stringify({
        format: 1,
        store: STORE,
        good: new Date(GOOD).toISOString(),
        epoch: 1,
        revision: '9',
        entries,
      }),
    )
    const cache = await load((await open().read()) ?? expect.fail('nothing was read'))
    expect(cache.namespaces()).toEqual(['kytos/a', 'tokens/own'])
    expect([...cache.index.keys()].sort()).toEqual(['settings/kytos/a', 'settings/tokens/own'])
  })

  it('of another store is not taken, and not complained about', async () => {
    const { cache, change } = await createShelf()
    await change(...written(KEY, 1, { a: 1 }))
    await open().flush(cache, () => GOOD)
    for (const other of ['etcd http://127.0.0.1:2379 /other', 'filesystem /var/lib', ''])
      expect(await open(other).read()).toBeUndefined()
    expect(log.lines).toEqual([])
  })

  it('that is absent is none', async () => {
    expect(await open().read()).toBeUndefined()
    expect(log.lines).toEqual([])
  })

  it('that was cut anywhere is not used, and the log says so', async () => {
    const { cache, change } = await createShelf()
    await change(...written(KEY, 1, { a: 1 }))
    await open().flush(cache, () => GOOD)
    const text = await readFile(file, 'utf8')
    for (let length = 0; length < text.length; length += 7) {
      await writeFile(file, text.slice(0, length))
      expect(await open().read()).toBeUndefined()
    }
    expect(log.lines).toHaveLength(Math.ceil(text.length / 7))
    expect(log.lines.every(line => line.startsWith('warn') && line.includes(file))).toBe(true)
  })

  it('that holds something else is not used', async () => {
    await mkdir(join(folder, 'controller-1'))
    const head = `"format":1,"store":${JSON.stringify(STORE)}`
    const entry = '{"key":"settings/a/b","text":"{}","revision":"1","created":"1"}'
    const wrong = [
      '[]',
      '{}',
      '{"format":2}',
      `{${head}}`,
      `{${head},"epoch":1,"revision":"01","entries":[]}`,
      `{${head},"epoch":"1","revision":"1","entries":[]}`,
    ]
    const wrongEntries = [
      '5',
      '{}',
      entry.replace('"1"', '1'),
      entry.replace('settings/a/b', 'nonsense/a'),
      entry.replace('"{}"', 'null'),
    ]
    for (const text of [
      ...wrong,
      ...wrongEntries.map(one => `{${head},"epoch":1,"revision":"1","entries":[${entry},${one}]}`),
    ]) {
      await writeFile(file, text)
      expect(await open().read(), text).toBeUndefined()
    }
    await writeFile(file, `{${head},"epoch":1,"revision":"1","entries":[${entry}]}`)
    expect((await open().read())?.epoch).toBe(1)
  })

  it('that cannot be written or read is a line in the log and nothing worse', async () => {
    const { cache } = await createShelf()
    await writeFile(join(folder, 'controller-1'), 'a file where the folder should be')
    await open().flush(cache, () => GOOD)
    expect(await open().read()).toBeUndefined()
    expect(log.lines).toEqual([
      expect.stringContaining(`${file} was not written`),
      expect.stringContaining(`${file} cannot be read`),
    ])
  })

  it('that cannot get its name is reported once for each reason, and leaves nothing beside the old one', async () => {
    const { cache, change } = await createShelf()
    await change(...written(KEY, 1, { a: 1 }))
    const snapshot = open()
    await snapshot.flush(cache, () => GOOD)
    const fail = () => {
      throw Object.assign(new Error('EBUSY, as the test wanted'), { code: 'EBUSY' })
    }
    const refuse = () =>
      watchSteps(folder, ({ name }) => (name.startsWith('rename to ') ? { share: 0, end: fail } : undefined))
    for (let times = 1; times <= 2; times++) {
      const stop = refuse()
      for (let n = 0; n < 3; n++) await snapshot.flush(cache, () => GOOD)
      stop()
      expect(await readdir(join(folder, 'controller-1'))).toEqual(['snapshot.json'])
      expect(log.lines).toHaveLength(times)
      await snapshot.flush(cache, () => GOOD)
    }
    expect(log.lines[0]).toContain('EBUSY')
  })

  it('is written soon after a change, once for many', async () => {
    const { cache, change } = await createShelf()
    const snapshot = open()
    for (let version = 1; version <= 20; version++) {
      await change(...written(KEY, version, { version }))
      snapshot.save(cache, () => GOOD)
    }
    await snapshot.flush(cache, () => GOOD)
    expect((await open().read())?.batch.revision).toBe(20n)
  })
})
