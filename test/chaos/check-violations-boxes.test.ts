import { describe, expect, it } from 'vitest'
import { type Case, prove } from './check/prove.ts'
import { boxRound, commandOf, last, lostBoxRound, recommand, rewrite, tokenRound } from './check/spoil.ts'
import { unmatched } from './check/unmatched.ts'
import { check } from './check.ts'
import type { Command, History, Outcome } from './history.ts'

const BOX = 'boxes/net/b0'
const isKind =
  (kind: Command['kind'], key = BOX) =>
  (command: Command): boolean =>
    command.kind === kind && command.key === key
const nth = (history: History, isSuch: (command: Command) => boolean, n: number) =>
  history.commands.filter(isSuch)[n] as Command
const change = (history: History, command: Command, by: (command: Command) => Partial<Command>) =>
  recommand(history, one => one === command, by)
const refusedAs = (code: string): Outcome => ({ type: 'refused', code, message: '' })
/** With the text of a key changed in every revision that puts it. */
const retext = (history: History, isSuch: (text: string) => boolean, by: (text: string) => string) =>
  rewrite(history, all =>
    all.map(one => ({
      ...one,
      changes: one.changes.map(({ key, text }) => ({
        key,
        text: key.startsWith('boxes/') && text && isSuch(text) ? by(text) : text,
      })),
    })),
  )
/**
 * Where nothing but the order of the boxes is spoilt nothing else is looked at: those who listen heard
 * another history.
 */
const says = (history: History) => check({ ...history, listeners: [], finals: [] }).violations.join('\n')

const BOXES: readonly Case[] = [
  {
    title: 'a box that was created where it already was',
    spoil: h =>
      change(h, nth(h, isKind('put box'), 0), () => ({ kind: 'create box', expected: undefined as never })),
    says: /created boxes\/net\/b0 in revision \d+, where it already was since revision/,
  },
  {
    title: 'a change of a box that was not there',
    spoil: h => change(h, nth(h, isKind('create box'), 2), () => ({ kind: 'put box' })),
    says: /changed boxes\/net\/b0 in revision \d+, where it was not/,
  },
  {
    title: 'a guarded change that was applied on another revision',
    spoil: h => change(h, nth(h, isKind('put box'), 0), () => ({ expected: { revision: '1', value: null } })),
    says: /was for revision 1 of boxes\/net\/b0, and was applied in revision \d+ on revision/,
  },
  {
    title: 'a PATCH that undid what others had set',
    spoil: h =>
      change(h, nth(h, isKind('patch box'), 0), ({ data }) => ({ data: { ...(data as object), more: 1 } })),
    says: /left other data in boxes\/net\/b0 in revision \d+ than it was to/,
  },
  {
    title: 'an answer with another revision of a box',
    spoil: h =>
      change(h, nth(h, isKind('patch box'), 0), ({ outcome }) =>
        outcome.type === 'ok' && outcome.box
          ? { outcome: { ...outcome, box: { ...outcome.box, revision: '77' } } }
          : {},
      ),
    says: /was answered with revision 77 of boxes\/net\/b0; the store has it in revision/,
  },
  {
    title: 'a creation that was refused where there was no box',
    spoil: h =>
      change(h, nth(h, isKind('read box'), 2), () => ({
        kind: 'create box',
        outcome: refusedAs('DOCUMENT_EXISTS'),
      })),
    says: /was refused, for there was such a box, and boxes\/net\/b0 was never like that/,
  },
  {
    title: 'a change that was refused where there was a box',
    spoil: h =>
      change(h, nth(h, isKind('create box'), 1), () => ({
        kind: 'put box',
        outcome: refusedAs('BOX_NOT_FOUND'),
      })),
    says: /was refused, for there was no such box, and boxes\/net\/b0 was never like that/,
  },
  {
    title: 'a guarded change that was refused although it found its revision',
    spoil: h => {
      const read = nth(h, isKind('read box'), 1)
      const revision = read.outcome.type === 'ok' && read.outcome.box ? read.outcome.box.revision : ''
      return change(h, read, () => ({
        kind: 'put box',
        expected: { revision, value: null },
        outcome: refusedAs('REVISION_MISMATCH'),
      }))
    },
    says: /was refused, for the box was at another revision than \d+, and/,
  },
  {
    title: 'a read that is behind what was acked',
    spoil: h =>
      change(h, nth(h, isKind('read box'), 1), () => ({ outcome: nth(h, isKind('read box'), 0).outcome })),
    says: /saw revision \d+, and boxes\/net\/b0 was never like that/,
  },
  {
    title: 'a read that saw no box where there was one',
    spoil: h => change(h, nth(h, isKind('read box'), 1), () => ({ outcome: { type: 'ok', box: false } })),
    says: /saw no such box, and boxes\/net\/b0 was never like that/,
  },
  {
    title: 'a read of a revision that the store never had',
    spoil: h =>
      change(h, nth(h, isKind('read box'), 0), () => ({
        outcome: { type: 'ok', box: { data: 1, revision: '999' } },
      })),
    says: /saw revision 999 of boxes\/net\/b0, which the store never had/,
  },
  {
    title: 'a deletion that found no box where there was one',
    spoil: h =>
      change(h, nth(h, isKind('read box'), 0), () => ({
        kind: 'delete box',
        outcome: { type: 'ok', existed: false },
      })),
    says: /found no such box to delete, and boxes\/net\/b0 was never like that|b0 was not deleted/,
  },
  {
    title: 'a box that nobody deleted',
    spoil: h => ({ ...h, commands: h.commands.filter(one => one !== nth(h, isKind('delete box'), 2)) }),
    says: /boxes\/net\/b0 went in revision \d+, and no deletion is left that may have done it/,
    counts: { lost: 1 },
  },
  {
    title: 'one deletion that removed two boxes',
    // The first one lasts until after the second one, which nobody asked for.
    spoil: h => {
      const [first, , second] = h.commands.filter(isKind('delete box'))
      const lasting = change(h, first as Command, () => ({ answered: second?.answered }))
      return { ...lasting, commands: lasting.commands.filter(({ id }) => id !== second?.id) }
    },
    says: /boxes\/net\/b0 went in revision \d+, and no deletion is left that may have done it/,
    counts: { lost: 1 },
  },
  {
    title: 'a refused deletion that was made',
    spoil: h =>
      change(h, nth(h, isKind('delete box'), 0), () => ({ outcome: refusedAs('STORE_UNREACHABLE') })),
    says: /boxes\/net\/b0 went in revision \d+, and no deletion is left that may have done it/,
    counts: { lost: 1 },
  },
  {
    title: 'an acked deletion too many',
    spoil: h =>
      change(h, nth(h, isKind('delete box'), 1), () => ({ outcome: { type: 'ok', existed: true } })),
    says: /was acked as the deletion of boxes\/net\/b0, and none is left that it may have made/,
  },
  {
    title: 'a box that nobody put',
    spoil: h => ({ ...h, commands: h.commands.filter(one => one !== nth(h, isKind('create box'), 0)) }),
    says: /boxes\/net\/b0 was put in revision \d+, and no command asked for it/,
  },
]

const LOST: readonly Case[] = [
  {
    title: 'a create that was repeated after the box had been deleted',
    spoil: h =>
      rewrite(h, all => {
        const created = all.find(({ changes }) =>
          changes.some(({ key }) => key === 'boxes/net/b1'),
        ) as (typeof all)[number]
        return [...all, { ...created, revision: last(all).revision + 1n }]
      }),
    says: /was applied to boxes\/net\/b1 more than once/,
    // Nobody heard of it either.
    counts: { doubled: 1, lost: 4 },
  },
  {
    title: 'a write_id that is another than the one of the answer',
    spoil: h => {
      const lost = commandOf(h, ({ kind, outcome }) => kind === 'create box' && outcome.type === 'unknown')
      return change(h, lost, () => ({ outcome: { type: 'unknown', writeId: 'other' } }))
    },
    says: /was answered with the write_id other, and boxes\/net\/b1 got it with/,
  },
]

const sightOf = (history: History, isSuch: (verdict: string, controller: string) => boolean) =>
  commandOf(
    history,
    ({ outcome, controller }) =>
      outcome.type === 'ok' && outcome.sight !== undefined && isSuch(outcome.sight.verdict, controller),
  )
const resight = (history: History, command: Command, change: object) =>
  recommand(
    history,
    one => one === command,
    ({ outcome }) =>
      outcome.type === 'ok' && outcome.sight
        ? { outcome: { ...outcome, sight: { ...outcome.sight, ...change } } }
        : {},
  )

const TOKENS: readonly Case[] = [
  {
    title: 'a revoked token that is accepted again',
    spoil: h =>
      resight(
        h,
        sightOf(h, verdict => verdict === 'TOKEN_INVALID'),
        { verdict: 'accepted' },
      ),
    says: /accepted tokens\/t\d at \d+\.\d+ \(READY\), where the store did not have it/,
  },
  {
    title: 'a token that was not revoked and is not accepted',
    spoil: h =>
      resight(
        h,
        sightOf(h, verdict => verdict === 'accepted'),
        { verdict: 'TOKEN_INVALID' },
      ),
    says: /did not accept tokens\/t\d at \d+\.\d+ \(READY\), where the store had it/,
  },
  {
    title: 'a controller that is READY and cannot say whether a token is good',
    spoil: h =>
      resight(
        h,
        sightOf(h, () => true),
        { verdict: 'STORE_STALE' },
      ),
    says: /could not say in READY whether tokens\/t\d is good/,
  },
  {
    title: 'a token that went without a revocation',
    spoil: h => ({ ...h, commands: h.commands.filter(({ kind }) => kind !== 'revoke token') }),
    says: /tokens\/t\d went in revision \d+, and no revocation of it was asked for/,
    counts: { lost: 1 },
  },
  {
    title: 'a token whose creation was repeated after it had been revoked',
    spoil: h =>
      rewrite(h, all => {
        const made = all.find(({ changes }) =>
          changes.some(({ key }) => key.startsWith('tokens/')),
        ) as (typeof all)[number]
        return [...all, { ...made, revision: last(all).revision + 1n }]
      }),
    says: /was applied to tokens\/t\d more than once: in revisions/,
    counts: { doubled: 1, lost: 1 },
  },
  {
    title: 'an acked token that the store does not have',
    spoil: h => ({
      ...rewrite(h, all =>
        all.filter(({ changes }) => !changes.some(({ key, text }) => key === last(tokens(h)) && text)),
      ),
    }),
    says: /was acked, and the store never had it in tokens\/t\d/,
    counts: { lost: 1 },
  },
  {
    title: 'a token that is said not to be there and is',
    spoil: h => {
      const held = sightOf(h, verdict => verdict === 'accepted')
      const key = last(tokens(h))
      return {
        ...h,
        commands: [
          ...h.commands,
          { ...held, id: 'vain', kind: 'revoke token', key, outcome: refusedAs('TOKEN_NOT_FOUND') },
        ],
      }
    },
    says: /vain was told that there is no tokens\/t\d+, which the store had all the time/,
  },
]

function tokens(history: History): string[] {
  return history.commands.flatMap(({ kind, key }) => (kind === 'make token' ? [key] : []))
}

describe('in the boxes, the judge', () => prove(boxRound, BOXES))
describe('in boxes of which answers were lost, the judge', () => prove(lostBoxRound, LOST))
describe('in the tokens, the judge', () => prove(tokenRound, TOKENS))

describe('in the boxes, the judge', () => {
  it('finds a change that forgot when its box was created', () => {
    const history = retext(
      boxRound(),
      text => text.includes('"created_at":"at c1"'),
      text => text.replace('at c1', `at ${/"write_id":"(\w+)"/.exec(text)?.[1]}`),
    )
    expect(says(history)).toMatch(/changed in revision \d+ when boxes\/net\/b0 was created/)
  })
})

describe('instants and spans', () => {
  const at = (from: number, to: number) => ({ from: BigInt(from), to: BigInt(to) })
  const span = (sent: number, answered?: number) => ({
    sent: BigInt(sent),
    answered: answered === undefined ? undefined : BigInt(answered),
  })

  it('are matched when there is a way, whoever might take whom', () => {
    expect(unmatched([at(1, 2), at(3, 4), at(5, 6)], [span(0, 6), span(0, 2), span(4, 9)])).toEqual([])
    expect(unmatched([at(1, 2), at(3, 4)], [span(2, 3), span(0, 1)])).toEqual([])
  })

  it('are left when they are too many, or too early or late', () => {
    expect(unmatched([at(1, 2), at(3, 4)], [span(0)])).toEqual([1])
    expect(unmatched([at(1, 2)], [span(3, 4)])).toEqual([0])
    expect(unmatched([at(1, 2)], [span(0, 1), span(0, 1)], 'spans')).toEqual([1])
  })
})
