import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createMemoryBackend, createMemoryStore } from '../../backends/memory/index.ts'
import { armedKey } from '../../model/key.ts'
import { type Controller, openController } from '../support/controller.ts'
import { key, reaches, SOON, stateOf } from '../unit/pending/stage.ts'
import { checkPending, type PendingAnswer } from './check/pending.ts'
import type { StoreRevision } from './history.ts'

const A = 'kytos/a'
const B = 'kytos/b'

describe('the judge of confirmed commits', () => {
  let one: Controller
  const revisions: StoreRevision[] = []
  const answers: PendingAnswer[] = []
  beforeAll(async () => {
    const store = createMemoryStore()
    one = await openController({ backend: () => createMemoryBackend(undefined, store) })
    const arm = async (data: object): Promise<string> => {
      const operations = [
        { namespace: A, data: { ...data } },
        { namespace: B, data: { ...data } },
      ]
      const { settings } = await one.ask('kytos.settings.transaction', { operations, confirm_within: 3_600 })
      const writeId = settings[0]?.pending?.write_id ?? ''
      answers.push({ kind: 'armed', writeId })
      return writeId
    }
    await one.ask('kytos.settings.update', { namespace: A, data: { n: 0 } })
    answers.push({ kind: 'confirmed', writeId: await arm({ n: 1 }) })
    await one.ask('kytos.settings.confirm', { namespace: A })
    await arm({ n: 2 })
    answers.push({ kind: 'cancelled', writeId: await arm({ n: 3 }) })
    await one.ask('kytos.settings.cancel', { namespace: B })
    await arm({ n: 4 })
    store.commit([A, B].map(name => ({ key: armedKey(key(name)), delete: true })))
    await reaches(store, A, 'expired')
    await arm({ n: 5 })
    store.commit([{ key: key(A), put: '{"by":"hand"}' }])
    await reaches(store, A, 'overtaken')
    await vi.waitFor(() => expect(stateOf(store, B)).toBe('overtaken'), SOON)
    for (let at = store.after(0n); at; at = store.after(at.revision))
      revisions.push({
        revision: at.revision,
        changes: at.changes.map(change =>
          change.type === 'put'
            ? { key: change.entry.key, text: change.entry.text }
            : { key: change.key, text: undefined },
        ),
      })
  })
  afterAll(() => one.close())

  /** The history with each change replaced by what `change` returns; undefined leaves it out. */
  const spoil = (
    change: (one: StoreRevision['changes'][number]) => StoreRevision['changes'][number] | undefined,
  ): StoreRevision[] =>
    revisions.map(({ revision, changes }) => ({
      revision,
      changes: changes.flatMap(one => change(one) ?? []),
    }))

  it('finds nothing in the history of a real store', () => {
    expect(revisions.length).toBeGreaterThan(10)
    expect(checkPending(revisions, answers)).toEqual([])
  })

  it.each([
    [
      'a change armed without a time',
      (c: Change) => (c.key === `armed/${key(A)}` && c.text ? undefined : c),
      /armed without a time/,
    ],
    [
      'an end for one of two documents',
      (c: Change) => (c.key === `pending/${key(B)}` && has(c, 'confirmed') ? undefined : c),
      /confirmed without/,
    ],
    [
      'a rollback in time',
      (c: Change) => (c.key.startsWith('armed/') && !c.text ? undefined : c),
      /expired before its time/,
    ],
    [
      'a rollback to another version',
      (c: Change) => (c.key === key(A) && c.text === '{"n":1}' ? { ...c, text: '{"n":9}' } : c),
      /not at its baseline/,
    ],
    [
      'a baseline that moves',
      (c: Change) => ({ ...c, text: c.text?.replace('"baseline":2,', '"baseline":3,') }),
      /for the baseline/,
    ],
    [
      'a confirmation that changes',
      (c: Change) => ({ ...c, text: c.text?.replace('"ended":"cancelled"', '"ended":"confirmed"') }),
      /confirmed, and changed/,
    ],
    [
      'an edit that is overwritten',
      (c: Change) => ({ ...c, text: c.text?.replace('"ended":"overtaken"', '"ended":"expired"') }),
      /expired/,
    ],
    [
      'a change that waits without end',
      (c: Change) => (has(c, 'expired') ? undefined : c),
      /although it did not wait|extended after its time|still waits|without/,
    ],
  ])('finds %s', (_, change, found) => {
    expect(checkPending(spoil(change), answers).join('\n')).toMatch(found)
  })

  it('finds answers that are not true', () => {
    const [first] = answers
    const writeId = first?.writeId ?? ''
    expect(checkPending(revisions, [...answers, { kind: 'cancelled', writeId }])).toHaveLength(2)
    expect(checkPending(revisions, [{ kind: 'confirmed', writeId: 'none' }])).toHaveLength(1)
  })
})

type Change = StoreRevision['changes'][number]

function has({ key, text }: Change, ended: string): boolean {
  return key.startsWith('pending/') && text?.includes(`"ended":"${ended}"`) === true
}
