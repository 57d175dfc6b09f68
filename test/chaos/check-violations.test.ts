import { describe, expect, it } from 'vitest'
import { type Case, prove } from './check/prove.ts'
import { readAct, simulate } from './check/simulator.ts'
import {
  brokenRound,
  commandOf,
  deadlyRound,
  differingRound,
  finalSnapshot,
  jointRound,
  last,
  placesOf,
  quietRound,
  recommand,
  rehear,
  reword,
  rewrite,
} from './check/spoil.ts'
import { check } from './check.ts'
import type { Command, Heard, History } from './history.ts'

const BUS = 0
const READER = 1
const isChange = ({ name }: Heard) => name === 'settings.changed'
const isResync = ({ content }: Heard) => content.origin === 'resync'
const isUpdate = ({ content }: Heard) =>
  isChange({ name: 'settings.changed', content, at: 0n }) &&
  content.kind === 'updated' &&
  content.scope === 'cluster'
const isCommented = ({ content }: Heard) => String(content.comment).startsWith('c')
/** Two facts of one revision, the first of them. */
const paired = (history: History) => {
  const heard = history.listeners[BUS]?.heard ?? []
  return last(
    placesOf(history, BUS).filter(
      i => heard[i + 1]?.content.revision === heard[i]?.content.revision && heard[i + 1]?.content.cursor,
    ),
  )
}
const without = (history: History, index: number, ...places: number[]) =>
  rehear(history, index, heard => heard.filter((_, i) => !places.includes(i)))
const middle = (history: History, index = BUS) => placesOf(history, index, isUpdate)[3] ?? 0
const place = (history: History, index: number, i: number) => placesOf(history, index)[i] ?? 0

const FACTS: readonly Case[] = [
  {
    title: 'a fact that one listener never heard',
    spoil: h => without(h, BUS, place(h, BUS, 7)),
    says: /bus 1 of one never heard/,
    counts: { lost: 1 },
  },
  {
    title: 'the first fact of all missing',
    spoil: h => without(h, READER, place(h, READER, 0)),
    says: /sse 2 of one never heard/,
    counts: { lost: 1 },
  },
  {
    title: 'the first fact after READY missing',
    spoil: h => without(h, BUS, place(h, BUS, 0)),
    says: /bus 1 of one never heard/,
    counts: { lost: 1 },
  },
  {
    title: 'the last fact missing',
    spoil: h => without(h, READER, last(placesOf(h, READER))),
    says: /sse 2 of one never heard/,
    counts: { lost: 1 },
  },
  {
    title: 'a gap that nothing marks',
    spoil: h => without(h, BUS, ...[4, 5, 6, 7].map(i => place(h, BUS, i))),
    says: /never heard/,
    counts: { lost: 4 },
  },
  {
    title: 'half a revision',
    spoil: h => without(h, BUS, paired(h) + 1),
    says: /never heard/,
    counts: { lost: 1 },
  },
  {
    title: 'a fact that was heard twice in a row',
    spoil: h => rehear(h, BUS, heard => heard.flatMap((one, i) => (i === middle(h) ? [one, one] : [one]))),
    says: /was heard twice/,
    counts: { doubled: 1 },
  },
  {
    title: 'a fact that was heard again later',
    spoil: h => rehear(h, READER, heard => [...heard, heard[place(h, READER, 3)] as Heard]),
    says: /was heard twice/,
    counts: { doubled: 1 },
  },
  {
    title: 'two facts in the wrong order',
    spoil: h =>
      rehear(h, BUS, heard =>
        heard.toSpliced(
          place(h, BUS, 8),
          2,
          heard[place(h, BUS, 9)] as Heard,
          heard[place(h, BUS, 8)] as Heard,
        ),
      ),
    says: /was heard after/,
    counts: { reordered: 1 },
  },
  {
    title: 'a wrong "previous"',
    spoil: h => reword(h, BUS, middle(h), { previous: { wrong: true } }),
    says: /has a "previous" of/,
  },
  {
    title: 'a wrong "data"',
    spoil: h => reword(h, BUS, middle(h), { data: { wrong: true } }),
    says: /has a "data" of/,
  },
  {
    title: 'a wrong kind',
    spoil: h => reword(h, BUS, middle(h), { kind: 'created' }),
    says: /says created of/,
  },
  {
    title: 'a wrong version',
    spoil: h => reword(h, BUS, middle(h), { version: 99 }),
    says: /says version 99/,
  },
  {
    title: 'a wrong comment',
    spoil: h => reword(h, BUS, middle(h), { comment: 'nobody' }),
    says: /has the comment nobody/,
  },
  {
    title: 'a wrong actor',
    spoil: h => reword(h, BUS, middle(h), { actor: { type: 'user', name: 'eve' } }),
    says: /names the actor user eve/,
  },
  {
    title: 'a wrong namespace',
    spoil: h => reword(h, BUS, middle(h), { namespace: 'kytos/other' }),
    says: /in the place of/,
    counts: { lost: 1 },
  },
  {
    title: 'a wrong scope',
    spoil: h => reword(h, BUS, middle(h), { scope: 'controller:two' }),
    says: /in the place of/,
    counts: { lost: 1 },
  },
  {
    title: 'another origin',
    spoil: h => reword(h, BUS, middle(h), { origin: 'rumour' }),
    says: /has the origin rumour/,
  },
  {
    title: 'a revision that is not that of the cursor',
    spoil: h => reword(h, BUS, middle(h), { revision: '1' }),
    says: /names revision 1/,
  },
  {
    title: 'the wrong actor of a box',
    spoil: h =>
      reword(h, BUS, placesOf(h, BUS, ({ name }) => name === 'box.changed')[0] ?? 0, { actor: null }),
    says: /names the actor nobody of boxes/,
  },
  {
    title: 'a place that no key has',
    spoil: h =>
      reword(h, BUS, middle(h), {
        cursor: String(h.listeners[BUS]?.heard[middle(h)]?.content.cursor).replace(/\d+$/, '7'),
      }),
    says: /has a place that no key of the revision has/,
    counts: { lost: 1 },
  },
  {
    title: 'a fact of a revision that the store never had',
    spoil: h =>
      rehear(h, BUS, heard => [
        ...heard,
        {
          ...(heard[middle(h)] as Heard),
          content: { ...heard[middle(h)]?.content, revision: '9999', cursor: '1001.9999.1' },
        },
      ]),
    says: /stands for no change of the store/,
  },
  {
    title: 'a revision whose facts do not come together',
    spoil: h =>
      rehear(h, BUS, heard =>
        heard.toSpliced(paired(h) + 1, 0, { ...(heard[0] as Heard), at: heard[paired(h)]?.at ?? 0n }),
      ),
    says: /was parted from the others of its revision/,
  },
  {
    title: 'a fact that was heard before its change was asked for',
    spoil: h =>
      rehear(h, BUS, heard =>
        heard.map((one, i) => (i === placesOf(h, BUS, isCommented)[5] ? { ...one, at: 0n } : one)),
      ),
    says: /was heard before .* was asked for/,
  },
  {
    title: 'a difference where nothing was taken from the store',
    spoil: h => reword(h, BUS, middle(h), { origin: 'resync' }),
    says: /although nothing was taken from the store/,
    counts: { resyncs: 1 },
  },
  {
    title: 'a snapshot for a reader whose place could be served',
    spoil: h => rehear(h, READER, heard => [...heard, finalSnapshot(h, 0)]),
    says: /was given a snapshot .* although/,
  },
]

const DIFFERENCES: readonly Case[] = [
  {
    title: 'a difference that tells too little',
    spoil: h => without(h, 2, last(placesOf(h, 2, isResync))),
    says: /was not told in the difference/,
    counts: { lost: 1 },
  },
  {
    title: 'a difference that tells too much',
    spoil: h =>
      rehear(h, 2, heard => {
        const at = last(placesOf(h, 2, isResync))
        const { content } = heard[at] as Heard
        const more = {
          ...content,
          namespace: 'kytos/a8',
          scope: 'cluster',
          cursor: String(content.cursor).replace(/\d+$/, '500000098'),
        }
        return heard.toSpliced(at, 0, { ...(heard[at] as Heard), name: 'settings.changed', content: more })
      }),
    says: /which is as the listener knew it/,
  },
  {
    title: 'a difference whose cursor looks like that of a step',
    spoil: h => {
      const at = placesOf(h, 2, isResync)[0] ?? 0
      return reword(h, 2, at, {
        cursor: String(h.listeners[2]?.heard[at]?.content.cursor).replace(/\d+$/, '1'),
      })
    },
    says: /has not the place/,
  },
  {
    title: 'a difference that nobody marks',
    spoil: h => without(h, 2, ...placesOf(h, 2, isResync)),
    says: /(never heard|was never told)/,
    counts: { lost: 6 },
  },
  {
    title: 'a difference that is told as if it were steps',
    spoil: h =>
      rehear(h, 2, heard =>
        heard.map(one => (isResync(one) ? { ...one, content: { ...one.content, origin: 'replay' } } : one)),
      ),
    says: /(in the place of|never heard|stands for no change|has a place that no key)/,
  },
  {
    title: 'an epoch that goes back',
    spoil: h =>
      rehear(h, 2, heard => [
        ...heard,
        {
          ...(heard[place(h, 2, 1)] as Heard),
          content: {
            ...heard[place(h, 2, 1)]?.content,
            cursor: '1001.9999.1',
            revision: '9999',
            epoch: 1001,
          },
        },
      ]),
    says: /was heard after/,
    counts: { reordered: 1 },
  },
  {
    title: 'what the store was put back from, told as if it still were',
    spoil: h =>
      rehear(h, 2, heard =>
        heard.filter(({ content }) => content.epoch !== 1002 && !String(content.cursor).startsWith('1002.')),
      ),
    says: /(never heard|was never told)/,
  },
]

const ANSWERS: readonly Case[] = [
  {
    title: 'an acked change that the store does not have',
    spoil: h =>
      recommand(
        h,
        one => one === commandOf(h, ({ kind, outcome }) => kind === 'update' && outcome.type === 'ok'),
        () => ({ id: 'gone', data: { mark: 'gone' } }),
      ),
    says: /gone was acked, and the store never had it/,
    counts: { lost: 1 },
  },
  {
    title: 'an acked box that the store does not have',
    spoil: h =>
      recommand(
        h,
        one => one === commandOf(h, ({ kind }) => kind === 'create box'),
        () => ({ id: 'gone', data: { mark: 'gone' } }),
      ),
    says: /gone was acked, and the store never had it/,
    counts: { lost: 1 },
  },
  {
    title: 'an acked deletion of a box that is still there',
    spoil: h => {
      const put = commandOf(h, ({ key }) => key === 'boxes/net/b2')
      return {
        ...h,
        commands: [
          ...h.commands,
          { ...put, id: 'del', kind: 'delete box', sent: 99_998n, answered: 99_999n },
        ],
      }
    },
    says: /del was acked, and boxes\/net\/b2 was not deleted/,
    counts: { lost: 1 },
  },
  {
    title: 'a box that has another write_id than its lost answer says',
    spoil: h =>
      recommand(
        h,
        one => one === commandOf(h, ({ kind }) => kind === 'create box'),
        () => ({ outcome: { type: 'unknown', writeId: 'another' } }),
      ),
    says: /was answered with the write_id another, and boxes\/net\/b0 got it with/,
  },
  {
    title: 'a refused change that the store has',
    spoil: h =>
      recommand(
        h,
        one => one === commandOf(h, ({ kind, outcome }) => kind === 'update' && outcome.type === 'ok'),
        () => ({
          outcome: { type: 'refused', code: 'STORE_UNREACHABLE', message: '' },
        }),
      ),
    says: /was refused \(STORE_UNREACHABLE\), but/,
  },
  {
    title: 'a change that was applied twice',
    spoil: h =>
      rewrite(h, revisions => {
        const { key, id } = last(
          h.commands.filter(({ kind, outcome }) => kind === 'update' && outcome.type === 'ok'),
        )
        const once = revisions.findLast(({ changes }) =>
          changes.some(one => one.key === key),
        ) as (typeof revisions)[number]
        const again = once.changes.map(one => ({
          key: one.key.replace(/\d{12}$/, version => String(Number(version) + 1).padStart(12, '0')),
          text: one.text,
        }))
        expect(again.some(({ text }) => text?.includes(id))).toBe(true)
        return [...revisions, { revision: last(revisions).revision + 1n, changes: again }]
      }),
    says: /was applied to .* more than once/,
    // Nobody heard of it either.
    counts: { doubled: 1, lost: 4 },
  },
  {
    title: 'an answer with another version',
    spoil: h => resettle(h, { version: 77 }),
    says: /was answered with version 77/,
  },
  {
    title: 'an answer with another revision',
    spoil: h => resettle(h, { revision: '2' }),
    says: /was answered with version \d+ and revision 2 /,
  },
  {
    title: 'an answer with other overrides',
    spoil: h => resettle(h, { overrides: { wrong: 1 } }),
    says: /with other overrides than version/,
  },
  {
    title: 'an unknown change that is said to be there and is not',
    spoil: h => refind(h, true),
    says: /was said to have the write_id .*, and has not/,
  },
  {
    title: 'an unknown change that is said not to be there and is',
    spoil: h => refind(h, false),
    says: /was said not to have the write_id .*, and has it/,
  },
  {
    title: 'an answer that was given before the change was announced',
    spoil: h =>
      recommand(
        h,
        one => one.id === last(h.commands).id,
        ({ sent }) => ({ answered: sent }),
      ),
    says: /was answered as seen by one, which had not announced/,
  },
  {
    title: 'a read that is behind what was acked',
    spoil: h =>
      recommand(
        h,
        one => one === last(h.commands.filter(({ kind }) => kind === 'read')),
        ({ outcome }) => ({
          outcome:
            outcome.type === 'ok' && outcome.settings
              ? { type: 'ok', settings: { ...outcome.settings, version: 1, overrides: {} } }
              : outcome,
        }),
      ),
    says: /read version 1 of .*, although version/,
  },
  {
    title: 'a register that lost an update',
    spoil: h => {
      const [first, second] = h.commands.filter(
        ({ expected, outcome, key }) => expected && outcome.type === 'ok' && key.endsWith('register_0'),
      )
      return recommand(
        h,
        one => one === second,
        () => (first?.expected ? { expected: first.expected } : {}),
      )
    },
    says: /register_0 is not linearizable/,
  },
  {
    title: 'a READY that is behind what was acked',
    spoil: h => {
      const ready = (h.listeners[2]?.heard ?? []).findLastIndex(({ content }) => content.state === 'READY')
      return rehear(h, 2, heard =>
        heard.map((one, i) => (i === ready ? { ...one, content: { ...one.content, revision: '3' } } : one)),
      )
    },
    says: /bus 1 of two heard READY at 1001\.3, but/,
  },
]

const STORE: readonly Case[] = [
  {
    title: 'a change without its record',
    spoil: h =>
      rewrite(h, all =>
        all.map(one =>
          one.changes.some(({ key }) => key.endsWith('kytos/a0/000000000001'))
            ? { ...one, changes: one.changes.slice(0, 1) }
            : one,
        ),
      ),
    says: /but not the edit by hand of revision/,
    // The comments of two acked changes went with their records.
    counts: { lost: 2 },
  },
  {
    title: 'a record without its change',
    spoil: h =>
      rewrite(h, all =>
        all.map(one =>
          one.changes.some(({ key }) => key.endsWith('kytos/a0/000000000001'))
            ? { ...one, changes: one.changes.slice(1) }
            : one,
        ),
      ),
    says: /has a record of .*, version 1, without the change/,
  },
  {
    title: 'a hole between versions',
    spoil: h =>
      rewrite(h, all =>
        all.map(one => ({
          ...one,
          changes: one.changes.map(change => ({
            ...change,
            key: change.key.replace(/a0\/000000000002$/, 'a0/000000000042'),
          })),
        })),
      ),
    says: /has version 42 of .* after version 1/,
  },
  {
    title: 'a key that changes twice in a revision',
    spoil: h =>
      rewrite(h, all =>
        all.map((one, i) =>
          i === 2 ? { ...one, changes: [...one.changes, ...one.changes.slice(0, 1)] } : one,
        ),
      ),
    says: /changes a key twice/,
    counts: { lost: 4 },
  },
  {
    title: 'a revision that goes back',
    spoil: h => rewrite(h, all => all.toSpliced(3, 0, { revision: 1n, changes: [] })),
    says: /revision 1 comes after revision/,
  },
]

const ENDS: readonly Case[] = [
  {
    title: 'a cache that differs at the end',
    spoil: h => refinal(h, { overrides: {} }),
    says: /at the end: the overrides of .* are not those/,
  },
  {
    title: 'effective settings that differ at the end',
    spoil: h => refinal(h, { data: { 'kytos/a0': {} } }),
    says: /at the end: the settings of kytos\/a0/,
  },
  {
    title: 'boxes that differ at the end',
    spoil: h => refinal(h, { boxes: { 'boxes/net/none': 1 } }),
    says: /at the end: the boxes of boxes\/net\/none/,
  },
  {
    title: 'a controller that stays STALE',
    spoil: h => refinal(h, { state: 'STALE' }),
    says: /at the end: it is STALE/,
  },
  { title: 'a controller in another epoch', spoil: h => refinal(h, { epoch: 1 }), says: /it is in epoch 1/ },
  {
    title: 'a controller that is behind',
    spoil: h => refinal(h, { revision: '2' }),
    says: /it is at revision 2/,
  },
  {
    title: 'a repair',
    spoil: h => refinal(h, { repairs: 2 }),
    says: /2 differences .* had to be repaired/,
    counts: { repairs: 2 },
  },
]

function resettle(history: History, settings: object): History {
  return recommand(
    history,
    one => one === last(history.commands),
    ({ outcome }) => ({
      outcome:
        outcome.type === 'ok' && outcome.settings
          ? { type: 'ok', settings: { ...outcome.settings, ...settings } }
          : outcome,
    }),
  )
}

function refind(history: History, found: boolean): History {
  const isWrong = commandOf(history, ({ outcome }) => outcome.type === 'unknown' && outcome.found === !found)
  return recommand(
    history,
    one => one === isWrong,
    ({ outcome }) => ({ outcome: outcome.type === 'unknown' ? { ...outcome, found } : outcome }),
  )
}

const TRANSACTIONS: readonly Case[] = [
  {
    title: 'a transaction of which one document has nothing',
    spoil: h =>
      recommand(
        h,
        one => one === commandOf(h, ({ together }) => together !== undefined),
        () => ({ together: ['settings/kytos/none'] }),
      ),
    says: /was applied to settings\/kytos\/a0 in revision \d+, and not to settings\/kytos\/none/,
  },
  {
    title: 'a transaction whose documents got it one after the other',
    spoil: h => {
      const { key, together: [other = ''] = [] } = commandOf(h, ({ together }) => together !== undefined)
      const { id } = commandOf(
        h,
        command => command.key === other && command.kind === 'update' && !command.together,
      )
      return recommand(
        h,
        one => one.id === id,
        () => ({ together: [key] }),
      )
    },
    says: /was applied to settings\/kytos\/a\d in revision \d+, and not to settings\/kytos\/a\d/,
  },
]

function refinal(history: History, change: object): History {
  return { ...history, finals: history.finals.map((final, i) => (i === 0 ? { ...final, ...change } : final)) }
}

describe('in what was heard, the judge', () => prove(quietRound, FACTS))
describe('in what was heard of a store that lost something, the judge', () => prove(brokenRound, DIFFERENCES))
describe('in the answers, the judge', () => prove(quietRound, ANSWERS))
describe('in the answers to transactions, the judge', () => prove(jointRound, TRANSACTIONS))
describe('in the store, the judge', () => prove(quietRound, STORE))
describe('at the end, the judge', () => prove(quietRound, ENDS))

describe('in the deletions of a box that comes and goes, the judge', () => {
  const round = () => simulate('box 0, unbox 0, box 0, unbox 0, box 0'.split(', ').map(readAct))
  const isDeletion = ({ kind }: Command) => kind === 'delete box'
  const unanswered = (history: History) =>
    recommand(history, isDeletion, () => ({ outcome: { type: 'unknown' } }))
  const first = ({ commands }: History) => commands.find(isDeletion)

  it('lets one that was answered OUTCOME_UNKNOWN have been made', () => {
    expect(check(unanswered(round())).violations).toEqual([])
  })

  it('finds that one without an answer removed two boxes', () => {
    const history = unanswered(round())
    const commands = history.commands.filter(command => !isDeletion(command) || command === first(history))
    expect(check({ ...history, commands }).violations).toMatchObject([
      expect.stringMatching(/b0 went in revision \d+, and no deletion is left/),
    ])
  })

  it('finds that an answered one removed the box that was created after its answer', () => {
    const history = round()
    const commands = history.commands.filter(command => !isDeletion(command) || command === first(history))
    expect(check({ ...history, commands: [...commands, ...again(first(history))] }).violations).toMatchObject(
      [
        expect.stringMatching(/b0 went in revision \d+, and no deletion is left/),
        expect.stringMatching(/again was acked as the deletion of boxes\/net\/b0, and none is left/),
      ],
    )
  })

  it('finds that a refused one removed a box', () => {
    const history = recommand(round(), isDeletion, () => ({
      outcome: { type: 'refused', code: 'STORE_UNREACHABLE', message: '' },
    }))
    expect(check(history).violations).toMatchObject(
      [/b0 went in/, /b0 went in/].map(text => expect.stringMatching(text)),
    )
  })
})

/** The same deletion once more, under another name: both were answered before the next box was there. */
function again(deletion: Command | undefined): readonly Command[] {
  return deletion ? [{ ...deletion, id: `${deletion.id} again` }] : []
}

describe('where a controller began again, the judge', () => {
  prove(deadlyRound, [
    {
      title: 'a snapshot that differs from the store',
      spoil: h =>
        reword(
          h,
          READER,
          (h.listeners[READER]?.heard ?? []).findIndex(({ name }) => name === 'settings.snapshot'),
          { namespaces: {} },
        ),
      says: /was given a snapshot at .* that differs from the store in kytos\/a0/,
    },
  ])
})

describe('the judge', () => {
  it('lets a reader that lost the line within a difference be given everything anew, and nobody else', () => {
    const round = differingRound()
    const cut = without(round, 3, last(placesOf(round, 3, isResync)))
    expect(check(cut)).toMatchObject({ lost: 1 })
    expect(check(rehear(cut, 3, heard => [...heard, finalSnapshot(round, 1)])).violations).toEqual([])
  })

  it('tells fifty violations at most, and how many more there are', () => {
    const { violations, lost } = check(
      rehear(quietRound(), BUS, heard => heard.filter(({ name }) => name === 'settings.state')),
    )
    const { length } = placesOf(quietRound(), BUS)
    expect(lost).toBe(length)
    expect(violations.length).toBeLessThanOrEqual(50)
  })
})
