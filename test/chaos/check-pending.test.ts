import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createMemoryBackend, createMemoryStore } from '../../backends/memory/index.ts'
import { armedKey } from '../../model/key.ts'
import { type Controller, openController } from '../support/controller.ts'
import { key, reaches, SOON, stateOf } from '../unit/pending/stage.ts'
import { checkPending, type PendingAnswer } from './check/pending.ts'
import { check } from './check.ts'
import type { Command, Heard, History, StoreRevision } from './history.ts'

const A = 'kytos/a'
const B = 'kytos/b'

describe('the judge of confirmed commits', () => {
  let one: Controller
  const revisions: StoreRevision[] = []
  const answers: PendingAnswer[] = []
  const commands: Command[] = []
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
    const end = async (kind: 'confirm' | 'cancel', namespace: string): Promise<void> => {
      const sent = process.hrtime.bigint()
      const ended = await one.ask(`kytos.settings.${kind}`, { namespace, comment: kind })
      const answered = process.hrtime.bigint()
      const common = { id: kind, kind, key: key(namespace), controller: 'controller-1' } as const
      commands.push({ ...common, sent, answered, outcome: { type: 'ok', ended } })
    }
    await one.ask('kytos.settings.update', { namespace: A, data: { n: 0 } })
    answers.push({ kind: 'confirmed', writeId: await arm({ n: 1 }) })
    await end('confirm', A)
    await arm({ n: 2 })
    answers.push({ kind: 'cancelled', writeId: await arm({ n: 3 }) })
    await end('cancel', B)
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

  it('finds a manual edit without a record that a rollback replaced', () => {
    const edit = { key: key(B), text: '{"by":"hand"}' }
    const edited = revisions.map(({ revision, changes }) => {
      const isTime = changes.some(({ key: at, text }) => at === armedKey(key(B)) && text === undefined)
      const isEnd = changes.some(({ key: at }) => at === `pending/${key(B)}`)
      return { revision, changes: isTime && !isEnd ? [...changes, edit] : changes }
    })
    expect(checkPending(edited, answers).join('\n')).toMatch(/expired, and replaced an edit without a record/)
  })

  it('finds answers that are not true', () => {
    const [first] = answers
    const writeId = first?.writeId ?? ''
    expect(checkPending(revisions, [...answers, { kind: 'cancelled', writeId }])).toHaveLength(2)
    expect(checkPending(revisions, [{ kind: 'confirmed', writeId: 'none' }])).toHaveLength(1)
  })

  /** The same as a round with one listener that heard everything, and the manual edit that was made. */
  const history = (spoilHeard: (heard: Heard[]) => Heard[] = heard => heard): History => {
    const heard = one.facts.map(({ name, content }) => ({
      name,
      content: content as Heard['content'], // A fact's content is frozen JSON.
      at: 2n ** 62n,
    }))
    const listener = {
      name: 'bus 1',
      controller: 'controller-1',
      kind: 'bus',
      since: '0',
      lasted: true,
    } as const
    const hands = revisions.flatMap(({ revision, changes }) =>
      changes
        .filter(({ text }) => text === '{"by":"hand"}')
        .map(change => ({ ...change, revision, sent: 0n, answered: 2n ** 62n })),
    )
    const listeners = [{ ...listener, heard: spoilHeard(heard) }]
    return { lives: [{ revisions }], commands, listeners, finals: [], hands, mayResync: false }
  }
  const isKind = (kind: string) => (one: Heard) =>
    one.name === 'settings.pending' && one.content.kind === kind
  const without = (heard: Heard[], at: number) => heard.toSpliced(at, 1)
  const changed = (heard: Heard[], at: number, content: object) =>
    heard.with(at, { ...(heard[at] as Heard), content: { ...heard[at]?.content, ...content } })

  it('finds nothing in what a real controller announced and answered', () => {
    const verdict = check(history())
    expect(verdict.violations).toEqual([])
    expect(verdict.confirmations).toEqual({ armed: 5, confirmed: 1, cancelled: 1, expired: 1, overtaken: 1 })
  })

  it.each([
    ['armed', /never heard .*pending\/settings\/kytos\/a armed/],
    ['extended', /never heard .*pending\/settings\/kytos\/a extended/],
    ['confirmed', /never heard .*pending\/settings\/kytos\/a confirmed/],
    ['overtaken', /never heard .*pending\/settings\/kytos\/a overtaken/],
  ])('finds a fact "%s" that was never heard', (kind, found) => {
    const { lost, violations } = check(history(heard => without(heard, heard.findIndex(isKind(kind)))))
    expect(violations.join('\n')).toMatch(found)
    expect(lost).toBe(1)
  })

  it.each([
    ['kind', { kind: 'confirmed' }, /says confirmed of/],
    ['version', { version: 99 }, /says version 99 of/],
    ['baseline', { baseline: 99 }, /says baseline 99 of/],
    ['comment', { comment: 'made up' }, /says comment made up of/],
    ['time', { confirm_within: 9 }, /says confirm_within 9 of/],
    ['actor', { actor: { type: 'user', name: 'another' } }, /names the actor user another/],
  ])('finds a fact with another %s', (_, content, found) => {
    const spoiled = history(heard => changed(heard, heard.findIndex(isKind('expired')), content))
    expect(check(spoiled).violations.join('\n')).toMatch(found)
  })

  it('finds the answer to an end that the store has not, and an end that was refused', () => {
    const [confirm, ...others] = commands as [Command, ...Command[]] // Two ends were sent.
    const refused = { ...confirm, outcome: { type: 'refused', code: 'NOT_PENDING', message: '' } } as const
    const judge = (first: Command) =>
      check({ ...history(), commands: [first, ...others] }).violations.join('\n')
    expect(judge(refused)).toMatch(/was refused \(NOT_PENDING\), but ended/)
    expect(judge({ ...confirm, id: 'another' })).toMatch(/was answered with revision/)
    expect(judge({ ...confirm, kind: 'cancel' })).toMatch(/confirm \(cancel\) left .* confirmed/)
  })

  it('finds a change that was committed and not armed, and one that was refused and armed', () => {
    const [{ revision = 0n } = {}] = revisions.filter(({ changes }) =>
      changes.some(({ text }) => text === '{"n":0}'),
    )
    const record = revisions
      .flatMap(({ changes }) => changes)
      .find(({ key: at }) => at === `history/${key(A)}/${'1'.padStart(12, '0')}`)
    expect(record).toBeDefined()
    const id = 'plain'
    const named = spoil(c =>
      c === record ? { ...c, text: c.text?.replace('"comment":null', `"comment":"${id}"`) } : c,
    )
    const command: Command = {
      ...{ id, kind: 'update', key: key(A), controller: 'controller-1', confirmWithin: 2 },
      ...{ sent: 0n, answered: undefined, outcome: { type: 'unknown' } },
    }
    const wrong = {
      ...command,
      id: 'refused',
      outcome: { type: 'refused', code: 'PENDING', message: '' },
    } as const
    const armedFor = spoil(c =>
      c.key === `pending/${key(A)}` && c.text?.includes('"ended"') === false
        ? { ...c, text: c.text.replace('"comment":null', '"comment":"refused"') }
        : c,
    )
    expect(
      check({ ...history(() => []), lives: [{ revisions: armedFor }], commands: [wrong] }).violations.join(
        '\n',
      ),
    ).toMatch(/refused was refused \(PENDING\), but pending\/settings\/kytos\/a waits since/)
    const { violations } = check({ ...history(() => []), lives: [{ revisions: named }], commands: [command] })
    expect(violations.join('\n')).toContain(
      `plain was applied to ${key(A)} in revision ${revision}, and not armed.`,
    )
  })
})

type Change = StoreRevision['changes'][number]

function has({ key, text }: Change, ended: string): boolean {
  return key.startsWith('pending/') && text?.includes(`"ended":"${ended}"`) === true
}
