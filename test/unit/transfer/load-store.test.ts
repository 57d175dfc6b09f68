import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Backend, Operation } from '../../../backends/backend.ts'
import { createMemoryBackend, createMemoryStore } from '../../../backends/memory/index.ts'
import { HAND_EDIT } from '../../../model/actor.ts'
import { EVERYTHING, historyKey, type Key, makeKey } from '../../../model/key.ts'
import { nextRecord, printRecord } from '../../../src/state/record.ts'
import { hasChanged } from '../../../src/transfer/copy-store.ts'
import { loadStore } from '../../../src/transfer/load-store.ts'
import { readAll, takeSnapshot } from '../../../src/transfer/store-snapshot.ts'
import { META_KEY, readEpoch } from '../../../src/watcher/epoch.ts'
import { type Fate, LossyClient } from '../../support/lossy-client.ts'
import { readContents, withoutMeta } from '../../support/store-contents.ts'

const WHOLE = { overwrite: false, skipOversized: false, keepTokens: false, dryRun: false }
const BY = { actor: HAND_EDIT, comment: undefined, controller: 'c-1', at: 't' }

async function opened(): Promise<Backend> {
  const backend = createMemoryBackend()
  await backend.open()
  return backend
}

/**
 * Something that happens to a source: a change with its record, a hand edit, a late record of one, boxes and
 * schemas that come and go.
 */
type Happening = readonly [
  what: 'change' | 'edit' | 'adopt' | 'remove' | 'box' | 'unbox' | 'schema' | 'pending',
  which: number,
]

const happenings = fc.array(
  fc.tuple(
    fc.constantFrom('change', 'edit', 'adopt', 'remove', 'box', 'unbox', 'schema', 'pending'),
    fc.nat(3),
  ) as fc.Arbitrary<Happening>,
  { minLength: 1, maxLength: 30 },
)

async function sourceOf(all: readonly Happening[]): Promise<Backend> {
  const backend = await opened()
  await backend.commit([{ key: META_KEY, put: '{"format":1,"epoch":4000000000000}' }])
  const versions = new Map<Key, number>()
  for (const [n, [what, which]] of all.entries()) {
    const key =
      which === 3 ? makeKey('controllers', 'c', 'kytos', 'a') : makeKey('settings', 'kytos', `n${which}`)
    const version = (versions.get(key) ?? 0) + 1
    const record = (kind: 'updated' | 'deleted', adopts?: bigint): Operation => {
      versions.set(key, version)
      const data = kind === 'deleted' ? undefined : { n }
      return {
        key: historyKey(key, version),
        put: printRecord({ ...nextRecord(undefined, kind, data, BY), version }, adopts),
      }
    }
    const entry = await backend.get(key)
    // Ids that sort otherwise than they were made.
    const box = makeKey('boxes', `owner${which % 2}`, `${(n * 7) % 10}`)
    if (what === 'change') await backend.commit([{ key, put: `{"n":${n}}` }, record('updated')])
    else if (what === 'edit') await backend.commit([{ key, put: `{"n":${n}}` }])
    else if (what === 'adopt' && entry) await backend.commit([record('updated', entry.modRevision)])
    else if (what === 'remove' && entry) await backend.commit([{ key, delete: true }, record('deleted')])
    else if (what === 'box') await backend.commit([{ key: box, put: `{"data":${n}}` }])
    else if (what === 'unbox') await backend.commit([{ key: box, delete: true }])
    else if (what === 'schema')
      await backend.commit([{ key: makeKey('schemas', 'kytos', 'a', `${(n * 7) % 10}`), put: `{"n":${n}}` }])
    else if (what === 'pending')
      await backend.commit([
        { key: makeKey('pending', 'settings', 'kytos', 'a'), put: '{}' },
        { key: makeKey('armed', 'x'), put: '{}' },
      ])
  }
  return backend
}

/** A store that is gone before the commit of this number, as for a process that was killed. */
function endingAt(backend: Backend, commit: number): Backend {
  let done = 0
  return Object.assign(Object.create(backend), {
    supports: backend.supports,
    list: backend.list.bind(backend),
    commit: async (operations: readonly Operation[]) => {
      if (done++ >= commit) throw new Error('killed')
      return backend.commit(operations)
    },
  })
}

describe('a store is filled', () => {
  it('so that it holds what the source did, whatever that is, and again without a change', async () => {
    await fc.assert(
      fc.asyncProperty(happenings, async all => {
        const source = await sourceOf(all)
        const snapshot = await takeSnapshot(source, 'source')
        const target = await opened()
        await loadStore(target, snapshot, WHOLE)
        const { meta, ...contents } = await readContents(target)
        expect(contents).toEqual(withoutMeta(await readContents(source)))
        expect(meta.epoch).toBe(4_000_000_000_001)
        const { revision } = await target.list(META_KEY as never)
        expect(await loadStore(target, snapshot, WHOLE)).toMatchObject({
          written: 0,
          epoch: 4_000_000_000_001,
        })
        expect((await target.list(META_KEY as never)).revision).toBe(revision)
      }),
      { numRuns: 150 },
    )
  })

  it('over a line that loses answers: each commit is repeated or found, and none is made twice', async () => {
    const fates = fc.array(fc.constantFrom<Fate>('answered', 'applied', 'never'), {
      minLength: 1,
      maxLength: 12,
    })
    await fc.assert(
      fc.asyncProperty(happenings, fates, async (all, cycle) => {
        const source = await sourceOf(all)
        const snapshot = await takeSnapshot(source, 'source')
        const store = createMemoryStore()
        const target = createMemoryBackend(undefined, store)
        await target.open()
        // Entries to be removed first.
        await target.commit([{ key: makeKey('boxes', 'old', 'one'), put: '{"data":1}' }])
        const line = new LossyClient(store)
        let sent = 0
        let losses = 0
        line.fate = () => {
          const fate = cycle[sent++ % cycle.length] ?? 'answered'
          // The mark at the beginning may not be repeated, and each commit is lost once only.
          if (fate === 'answered' || sent === 1 || losses > 0) losses = 0
          else losses++
          return losses > 0 ? fate : 'answered'
        }
        const lossy = Object.assign(Object.create(target), {
          supports: target.supports,
          list: target.list.bind(target),
          get: target.get.bind(target),
          commit: (operations: readonly Operation[]) => line.commit(operations),
        })
        await loadStore(lossy, snapshot, { ...WHOLE, overwrite: true })
        const { meta: _meta, ...contents } = await readContents(target)
        expect(contents).toEqual(withoutMeta(await readContents(source)))
      }),
      { numRuns: 100 },
    )
  })

  it('also when it was ended at any commit and run again; until then no service takes it for whole', async () => {
    await fc.assert(
      fc.asyncProperty(happenings, async all => {
        const source = await sourceOf(all)
        const snapshot = await takeSnapshot(source, 'source')
        const target = await opened()
        // Each run makes its mark and gets one commit further.
        for (let commit = 0, ended = false; !ended; commit = Math.min(commit + 1, 2)) {
          ended = await loadStore(endingAt(target, commit), snapshot, WHOLE).then(
            () => true,
            error => {
              expect(error).toMatchObject({ message: 'killed' })
              return false
            },
          )
          const meta = await target.get(META_KEY)
          if (!ended && meta) expect(() => readEpoch(meta)).toThrow(/a copy from source started/)
        }
        expect(withoutMeta(await readContents(target))).toEqual(withoutMeta(await readContents(source)))
      }),
      { numRuns: 100 },
    )
  })

  it('over any other content when that is asked for, and not without; then nothing is written', async () => {
    await fc.assert(
      fc.asyncProperty(happenings, happenings, async (all, others) => {
        const source = await sourceOf(all)
        const target = await sourceOf(others)
        const snapshot = await takeSnapshot(source, 'source')
        const before = await readContents(target)
        const refused = await loadStore(target, snapshot, WHOLE).then(
          () => undefined,
          error => error,
        )
        const { texts } = await readContents(source)
        const isOther = Object.entries(before.texts).some(([key, text]) => texts[key] !== text)
        if (isOther || refused) {
          expect(refused).toMatchObject({ code: 'DOCUMENT_EXISTS' })
          expect(await readContents(target)).toEqual(before)
        }
        await loadStore(target, snapshot, { ...WHOLE, overwrite: true })
        expect(withoutMeta(await readContents(target))).toEqual(withoutMeta(await readContents(source)))
      }),
      { numRuns: 150 },
    )
  })

  it('with its order too: one that holds the same texts, put otherwise, is not the same', async () => {
    await fc.assert(
      fc.asyncProperty(happenings, fc.infiniteStream(fc.nat()), async (all, numbers) => {
        const source = await sourceOf(all)
        const wanted = withoutMeta(await readContents(source))
        const target = await opened()
        const shuffled = Object.entries(wanted.texts)
          .map(([key, put]) => ({ key: key as Key, put, place: numbers.next().value ?? 0 }))
          .sort((one, other) => one.place - other.place)
        for (const { key, put } of shuffled) await target.commit([{ key, put }])
        const isSame = isDeepStrictEqual(withoutMeta(await readContents(target)), wanted)
        const snapshot = await takeSnapshot(source, 'source')
        const filled = await loadStore(target, snapshot, WHOLE).then(
          () => true,
          error => {
            expect(error).toMatchObject({ code: 'DOCUMENT_EXISTS' })
            return false
          },
        )
        expect(filled).toBe(isSame)
        await loadStore(target, snapshot, { ...WHOLE, overwrite: true })
        expect(withoutMeta(await readContents(target))).toEqual(wanted)
      }),
      { numRuns: 150 },
    )
  })

  it('also over its documents alone, as a folder without its journal has them', async () => {
    await fc.assert(
      fc.asyncProperty(happenings, async all => {
        const source = await sourceOf(all)
        const wanted = withoutMeta(await readContents(source))
        const target = await opened()
        const documents = Object.entries(wanted.texts).filter(([key]) =>
          /^(settings|controllers|boxes)\//.test(key),
        )
        for (const [key, put] of documents) await target.commit([{ key: key as Key, put }])
        await loadStore(target, await takeSnapshot(source, 'source'), { ...WHOLE, overwrite: true })
        expect(withoutMeta(await readContents(target))).toEqual(wanted)
      }),
      { numRuns: 150 },
    )
  })

  it('also over what a running service wrote before it was marked, when that is asked for', async () => {
    const source = await sourceOf([['change', 0]])
    const target = await opened()
    const late = makeKey('boxes', 'late', 'one')
    const racing: Backend = Object.assign(Object.create(target), {
      supports: target.supports,
      list: target.list.bind(target),
      commit: async (operations: readonly Operation[]) => {
        // As a controller that records a manual edit: after the target was listed, and before the mark.
        if (!(await target.get(META_KEY))) await target.commit([{ key: late, put: '{"data":1}' }])
        return target.commit(operations)
      },
    })
    const snapshot = await takeSnapshot(source, 'source')
    const { removed } = await loadStore(racing, snapshot, { ...WHOLE, overwrite: true })
    expect([removed, await target.get(late)]).toEqual([1, undefined])
    await Promise.all([source.close(), target.close()])
  })

  it('never over what somebody else writes meanwhile', async () => {
    const source = await sourceOf([
      ['change', 0],
      ['change', 1],
      ['box', 0],
    ])
    const snapshot = await takeSnapshot(source, 'source')
    const target = await opened()
    const key = makeKey('settings', 'kytos', 'n1')
    let begun = false
    const watched: Backend = Object.assign(Object.create(target), {
      supports: target.supports,
      list: target.list.bind(target),
      commit: async (operations: readonly Operation[]) => {
        if (begun) await target.commit([{ key, put: '{"mine":1}', expected: 'absent' }])
        begun = true
        return target.commit(operations)
      },
    })
    await expect(loadStore(watched, snapshot, WHOLE)).rejects.toMatchObject({
      code: 'CONTENTION',
      message: expect.stringContaining(key),
    })
    expect((await target.get(key))?.text).toBe('{"mine":1}')
  })

  it('and read again in the end: where it is not what it should be, no service takes it', async () => {
    const source = await sourceOf([
      ['change', 0],
      ['box', 0],
    ])
    const snapshot = await takeSnapshot(source, 'source')
    const target = await opened()
    const forgetful: Backend = Object.assign(Object.create(target), {
      supports: target.supports,
      list: target.list.bind(target),
      commit: (operations: readonly Operation[]) =>
        target.commit(operations.filter(({ key }) => !key.startsWith('boxes/'))),
    })
    await expect(loadStore(forgetful, snapshot, WHOLE)).rejects.toMatchObject({
      code: 'CONTENTION',
      message: expect.stringContaining('differs from the source'),
    })
    await expect(target.get(META_KEY).then(readEpoch)).rejects.toMatchObject({ code: 'STORE_FORMAT' })
  })

  it('not over one that was begun from another store, unless that is asked for', async () => {
    const source = await sourceOf([['box', 0]])
    const snapshot = await takeSnapshot(source, 'source')
    const target = await opened()
    await expect(loadStore(endingAt(target, 1), snapshot, WHOLE)).rejects.toThrow('killed')
    const other = { ...snapshot, store: 'elsewhere' }
    await expect(loadStore(target, other, WHOLE)).rejects.toMatchObject({
      code: 'DOCUMENT_EXISTS',
      message: expect.stringContaining('from source'),
    })
    await loadStore(target, other, { ...WHOLE, overwrite: true })
    expect(readEpoch(await target.get(META_KEY))).toBe(4_000_000_000_001)
  })

  it('with nothing of what does not move, nor from a store that is not whole', async () => {
    const source = await sourceOf([['pending', 0]])
    const snapshot = await takeSnapshot(source, 'source')
    expect(snapshot.entries.map(({ key }) => key)).toEqual(['pending/settings/kytos/a'])
    expect(await hasChanged(source, snapshot)).toBe(false)
    await source.commit([{ key: makeKey('presence', 'c-1'), put: '{}' }])
    expect(await hasChanged(source, snapshot)).toBe(false)
    await source.commit([{ key: makeKey('boxes', 'a', 'b'), put: '{}' }])
    expect(await hasChanged(source, snapshot)).toBe(true)
    await source.commit([{ key: META_KEY, put: '{"format":1,"filling":{"from":"x","at":"t"}}' }])
    await expect(takeSnapshot(source, 'source')).rejects.toMatchObject({ code: 'STORE_FORMAT' })
  })

  it('by one of two that run at once: the other one ends', async () => {
    const source = await sourceOf(Array.from({ length: 30 }, (_, n) => ['box', n % 2] as const))
    const snapshot = await takeSnapshot(source, 'source')
    const target = await opened()
    const ends = await Promise.allSettled([
      loadStore(target, snapshot, WHOLE),
      loadStore(target, snapshot, WHOLE),
    ])
    expect(ends.filter(({ status }) => status === 'rejected').length).toBeLessThan(2)
    for (const end of ends)
      if (end.status === 'rejected') expect(end.reason).toMatchObject({ code: 'CONTENTION' })
    expect(withoutMeta(await readContents(target))).toEqual(withoutMeta(await readContents(source)))
  })

  it('with nothing of a store that was nested in the source, and without touching what is nested in the target', async () => {
    const hash = `sha256:${'h'.repeat(43)}`
    const token = `{"name":"ci","rights":["read"],"hash":"${hash}","expires_at":null}`
    const source = await sourceOf([['change', 0]])
    // A NApp of that name, whose settings look like a token: they were put with their record.
    const own = makeKey('settings', 'tokens', 'own')
    const record = printRecord({ ...nextRecord(undefined, 'created', { hash }, BY), version: 1 })
    await source.commit([
      { key: own, put: token },
      { key: historyKey(own, 1), put: record },
    ])
    const nested = [
      makeKey('settings', 'tokens', 'ab12'),
      makeKey('settings', 'settings', 'kytos', 'a'),
      makeKey('tokens', 'tokens', 'ab12'),
      makeKey('settings', 'history', 'settings', 'kytos', 'a', '000000000001'),
    ]
    await source.commit(nested.map(key => ({ key, put: token })))
    // As an archive of an older release has them.
    const entries = await readAll(await source.list(EVERYTHING))
    const snapshot = {
      ...(await takeSnapshot(source, 'source')),
      entries: entries.filter(({ key }) => key !== META_KEY),
    }
    const target = await opened()
    const foreign = makeKey('settings', 'boxes', 'kytos', 'b')
    await target.commit([{ key: foreign, put: '{"data":1}' }])
    const report = await loadStore(target, snapshot, { ...WHOLE, overwrite: true })
    expect(report).toMatchObject({ removed: 0, written: 4 })
    const keys = (await readAll(await target.list(EVERYTHING))).map(({ key }) => key)
    expect(keys).toContain(foreign)
    expect(keys).toContain(own)
    expect(keys.filter(key => nested.includes(key))).toEqual([])
  })
})
