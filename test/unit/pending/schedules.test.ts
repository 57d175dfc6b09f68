import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { isSettingsError } from '../../../model/errors.ts'
import { armedKey, makePrefix } from '../../../model/key.ts'
import { checkPending, type PendingAnswer } from '../../chaos/check/pending.ts'
import type { StoreRevision } from '../../chaos/history.ts'
import { createStore, open, type Store } from '../settings/stores.ts'
import { editByHand, key, LONG, SOON } from './stage.ts'

/*
 * Any schedule of changes, confirmations, cancellations, ends of the time and manual edits by two controllers
 * at once is judged by the history of its store.
 */

const NAMESPACES = ['kytos/a', 'kytos/b', 'kytos/c'] as const
const REFUSALS = ['PENDING', 'NOT_PENDING', 'NAMESPACE_NOT_FOUND', 'CONTENTION']

const namespace = fc.constantFrom(...NAMESPACES)
const act = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      act: fc.constant('arm' as const),
      of: fc.uniqueArray(namespace, { minLength: 1 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('drop' as const), of: fc.tuple(namespace) }) },
  ...(['change', 'confirm', 'cancel', 'expire', 'edit', 'remove'] as const).map(act => ({
    weight: act === 'edit' || act === 'remove' ? 1 : 2,
    arbitrary: fc.record({ act: fc.constant(act), of: fc.tuple(namespace) }),
  })),
)
const step = fc.record({ by: fc.nat(1), what: act })
const schedule = fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 10 })

/** Ends the time of all documents that wait together with a namespace. */
function endTime(store: Store, of: string): void {
  const text = store.get(armedKey(key(of)))?.text
  const together = store.list(makePrefix('armed')).filter(one => one.text === text)
  if (together.length > 0) store.commit(together.map(one => ({ key: one.key, delete: true })))
}

function historyOf(store: Store): StoreRevision[] {
  const revisions: StoreRevision[] = []
  for (let at = store.after(0n); at; at = store.after(at.revision))
    revisions.push({
      revision: at.revision,
      changes: at.changes.map(change =>
        change.type === 'put'
          ? { key: change.entry.key, text: change.entry.text }
          : { key: change.key, text: undefined },
      ),
    })
  return revisions
}

describe('confirmed commits in any schedule', () => {
  it('are armed with their change and end once, at their baseline or confirmed, and each answer is true', async () => {
    await fc.assert(
      fc.asyncProperty(schedule, async rounds => {
        const store = createStore()
        const controllers = [await open(store), await open(store, 'controller-2')]
        const answers: PendingAnswer[] = []
        let n = 0
        const run = async ({ by, what: { act, of } }: (typeof rounds)[number][number]): Promise<void> => {
          const controller = controllers[by] ?? expect.fail('no controller')
          const [first] = of
          n++
          if (act === 'expire') return endTime(store, first ?? '')
          if (act === 'edit') return editByHand(store, first ?? '', `{"hand":${n}}`)
          if (act === 'remove') return editByHand(store, first ?? '', undefined)
          if (act === 'change')
            return void (await controller.ask('kytos.settings.update', {
              namespace: first ?? '',
              data: { n },
            }))
          if (act === 'confirm' || act === 'cancel') {
            const ended = await controller.ask(`kytos.settings.${act}`, { namespace: first ?? '' })
            answers.push({ kind: ended.kind, writeId: ended.write_id })
            return
          }
          const operations = of.map(namespace =>
            act === 'drop' ? { namespace, method: 'DELETE' as const } : { namespace, data: { n } },
          )
          const { settings } = await controller.ask('kytos.settings.transaction', {
            operations,
            confirm_within: LONG,
          })
          const [{ pending } = {}] = settings
          if (pending) answers.push({ kind: 'armed', writeId: pending.write_id })
        }
        for (const round of rounds)
          await Promise.all(
            round.map(one =>
              run(one).catch(error => {
                if (!isSettingsError(error) || !REFUSALS.includes(error.code)) throw error
              }),
            ),
          )
        for (const one of NAMESPACES) endTime(store, one)
        await vi.waitFor(
          () =>
            expect(store.list(makePrefix('pending')).filter(one => !one.text.includes('"ended"'))).toEqual(
              [],
            ),
          SOON,
        )
        expect(checkPending(historyOf(store), answers)).toEqual([])
        await Promise.all(controllers.map(one => one.close()))
      }),
      { numRuns: process.env.CHAOS_LONG === '1' ? 1_000 : 60 },
    )
  }, 300_000)
})
