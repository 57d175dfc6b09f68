import assert from 'node:assert/strict'
import fc from 'fast-check'
import { committed, listed, meanwhile, present, property } from '../harness/assertions.ts'
import type { Case } from '../harness/case.ts'
import { assertOrderly, digest, fence, follow, history, replay } from '../harness/follow.ts'
import { doc, put, range, record } from '../harness/sample.ts'
import { arbitrarySchedule, createKeySpace, perform } from '../harness/schedule.ts'

const RUNS = 6

/** Generated schedules of concurrent commits, compared with a model. */
export const concurrency: readonly Case[] = [
  {
    title:
      'whatever commits are in flight together, some order of them explains every answer and what is stored',
    async run({ store }) {
      let run = 0
      await property(RUNS * 2, arbitrarySchedule(), async schedule => {
        await perform(schedule, createKeySpace(run++), [store])
      })
    },
  },
  {
    title: 'the same holds for commits that come through two backends',
    needs: ['sharing'],
    async run({ store, second }) {
      const other = await second()
      let run = 0
      await property(RUNS * 2, arbitrarySchedule(), async schedule => {
        await perform(schedule, createKeySpace(run++), [store, other])
      })
    },
  },
  {
    title: 'whatever was committed, the watch gives exactly that, live and from any revision',
    async run(context) {
      const { store } = context
      let run = 0
      await property(RUNS, arbitrarySchedule(), async schedule => {
        const { revision: since } = await listed(store)
        const live = follow(context, store, since)
        const { batches } = await perform(schedule, createKeySpace(run++), [store])
        await fence(store, live)
        assert.deepEqual(live.batches, batches)
        await live.stop()
        for (const start of [since, ...batches.map(batch => batch.revision)]) {
          assert.deepEqual(
            await history(context, store, start),
            batches.filter(batch => batch.revision > start),
          )
        }
      })
    },
  },
  {
    title: 'whenever a reader lists, the watch from there carries its listing to what is stored in the end',
    async run(context) {
      const { store } = context
      let run = 0
      await property(RUNS, arbitrarySchedule(), async schedule => {
        const own = createKeySpace(run++)
        const readers: Promise<() => Promise<void>>[] = []
        const join = async () => {
          const { revision, entries } = await listed(store, own.prefix)
          const follower = follow(context, store, revision)
          return async () => {
            await fence(store, follower)
            await follower.stop()
            assertOrderly(follower.batches, revision)
            assert.deepEqual(replay(entries, follower.batches), (await listed(store, own.prefix)).entries)
          }
        }
        await perform(schedule, own, [store], () => readers.push(meanwhile(join())))
        for (const reader of readers) await (await reader)()
      })
    },
  },
  {
    title: 'units moved between keys by guarded commits are never more nor less in any listing or batch',
    async run(context) {
      const { store } = context
      const [accounts, units] = [6, 10]
      committed(await store.commit(range(accounts).map(n => put(record(n), units))))
      await property(
        5,
        fc.array(fc.tuple(fc.nat(accounts - 1), fc.nat(accounts - 1)), { minLength: 8, maxLength: 24 }),
        async moves => {
          const { revision, entries } = await listed(store)
          const moving = meanwhile(Promise.all(moves.map(([from, to]) => move(store, from, to))))
          for (const _ of range(5)) assert.equal(sum((await listed(store)).entries), accounts * units)
          await moving
          let state = entries
          for (const batch of await history(context, store, revision)) {
            state = replay(state, [batch])
            assert.equal(
              sum(state),
              accounts * units,
              `units came or went at ${JSON.stringify(digest(batch).slice(1))}`,
            )
          }
          assert.deepEqual(state, (await listed(store)).entries)
        },
      )
    },
  },
]

/** Moves one unit by compare and set, with a retry each time that another commit was first. */
async function move(store: Parameters<typeof present>[0], from: number, to: number): Promise<void> {
  if (from === to) return
  for (;;) {
    const [giver, taker] = await Promise.all([present(store, record(from)), present(store, record(to))])
    const outcome = await store.commit([
      { key: record(from), put: doc(amount(giver.text) - 1), expected: giver.modRevision },
      { key: record(to), put: doc(amount(taker.text) + 1), expected: taker.modRevision },
    ])
    if (outcome.committed) return
  }
}

function sum(entries: readonly { readonly text: string }[]): number {
  return entries.reduce((total, entry) => total + amount(entry.text), 0)
}

function amount(text: string): number {
  const digits = /-?\d+/.exec(text)?.[0]
  assert.ok(digits, `${text} is not what was put`)
  return Number(digits)
}
