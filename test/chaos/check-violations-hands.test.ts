import { describe, expect, it } from 'vitest'
import { type Case, prove } from './check/prove.ts'
import { commandOf, handRound, rewrite } from './check/spoil.ts'
import { check } from './check.ts'
import type { HandChange, History } from './history.ts'

/** With the first change by hand that is such a one changed, or left out. */
const rehand = (
  history: History,
  isSuch: (hand: HandChange) => boolean,
  by?: (hand: HandChange) => Partial<HandChange>,
): History => {
  const found = history.hands?.find(isSuch)
  expect(found).toBeDefined()
  return {
    ...history,
    hands: (history.hands ?? []).flatMap(one => (one !== found ? [one] : by ? [{ ...one, ...by(one) }] : [])),
  }
}
const isEdit = ({ key, text }: HandChange) => key.startsWith('settings/') && text !== undefined
const isErasure = ({ key, text }: HandChange) => key.startsWith('settings/') && text === undefined
const isBox = ({ key, text }: HandChange) => key.startsWith('boxes/') && text !== undefined
const isBoxGone = ({ key, text }: HandChange) => key.startsWith('boxes/') && text === undefined

const HANDS: readonly Case[] = [
  {
    title: 'a record of an edit that nobody made',
    spoil: h => rehand(h, isEdit),
    says: /records an edit by hand that nobody made/,
  },
  {
    title: 'a record of other data than an edit left',
    // It is told of in the listing, too.
    spoil: h => rehand(h, isEdit, () => ({ text: '{"by":"another"}' })),
    says: /records other data than the edit by hand left/,
  },
  {
    title: 'an edit that does not stand in the store',
    spoil: h => rehand(h, isBox, () => ({ text: '{}' })),
    says: /The edit by hand of boxes\/net\/b0 in revision \d+ does not stand in the store/,
  },
  {
    title: 'an edit that was never recorded',
    spoil: h =>
      rewrite(h, all => {
        const at = all.findLastIndex(({ changes }) =>
          changes.some(({ text }) => text?.includes('"hand edit"')),
        )
        return all.map((one, i) => (i === at ? { ...one, changes: [] } : one)).slice(0, at + 1)
      }),
    says: /The edit by hand of settings\/kytos\/a1 in revision \d+ was never recorded|never heard/,
  },
  {
    title: 'an edit that was recorded twice',
    spoil: h =>
      rewrite(h, all => {
        const record = all
          .flatMap(({ changes }) => changes)
          .find(({ key, text }) => key.endsWith('a1/000000000002') && text?.includes('"hand edit"'))
        const again = { key: 'history/settings/kytos/a1/000000000006', text: record?.text }
        return [...all, { revision: (all.at(-1)?.revision ?? 0n) + 1n, changes: [again] }]
      }),
    says: /has a record of settings\/kytos\/a1, version 6, without the change/,
  },
  {
    title: 'a document that went by hand, and nobody deleted it',
    spoil: h => rehand(h, isErasure),
    says: /settings\/kytos\/a1 went in revision \d+ \(by file\), and nobody deleted it/,
    counts: { lost: 1 },
  },
  {
    title: 'a document that went by a change that was no deletion',
    spoil: h => {
      const deletion = commandOf(h, ({ kind }) => kind === 'delete')
      return { ...h, commands: h.commands.filter(one => one !== deletion) }
    },
    says: /settings\/kytos\/a0 went in revision \d+ \(by napp\), and nobody deleted it/,
    counts: { lost: 1 },
  },
  {
    title: 'a box that went, and nobody deleted it',
    spoil: h => rehand(h, isBoxGone),
    says: /boxes\/net\/b0 went in revision \d+, and no deletion is left that may have done it/,
    counts: { lost: 1 },
  },
  {
    title: 'a box that was put, and nobody put it',
    spoil: h => rehand(h, isBox),
    says: /boxes\/net\/b0 was put in revision \d+, and no command asked for it/,
  },
]

describe('in what was changed by hand, the judge', () => prove(handRound, HANDS))

describe('where files are edited, the judge', () => {
  it('lets a document go for each time that its file was removed, and not once more', () => {
    const { hands: _, ...files } = handRound()
    expect(check(files)).toMatchObject({ lost: 2 })
    const removal = (key: string) => ({ key, sent: 1n })
    const removals = [removal('settings/kytos/a1'), removal('boxes/net/b0')]
    const wrong = check({ ...files, removals }).violations.filter(text => / went in revision/.test(text))
    expect(wrong).toEqual([])
    const others = check({ ...files, removals: [removal('settings/kytos/a0')] }).violations.join('\n')
    expect(others).toMatch(/settings\/kytos\/a1 went/)
    expect(others).toMatch(/boxes\/net\/b0 went/)
  })
})
