import { describe } from 'vitest'
import { type Case, prove } from './check/prove.ts'
import { commandOf, mixedRound, recommand, rewrite } from './check/spoil.ts'
import type { Command, History } from './history.ts'

const change = (
  history: History,
  isSuch: (command: Command) => boolean,
  by: (command: Command) => Partial<Command>,
) => {
  const command = commandOf(history, isSuch)
  return recommand(history, one => one === command, by)
}
const isVetoed = ({ outcome }: Command) => outcome.type === 'refused' && outcome.code === 'CHANGE_VETOED'
const isGuarded = ({ key, outcome }: Command) => key === 'settings/kytos/guarded_0' && outcome.type === 'ok'

const CHANGES: readonly Case[] = [
  {
    title: 'a transaction that left what it was to drop',
    spoil: h =>
      change(
        h,
        ({ dropped }) => dropped !== undefined,
        ({ key }) => ({ dropped: [key] }),
      ),
    says: /was applied to settings\/kytos\/a\d in revision \d+, and did not drop settings\/kytos\/a\d/,
  },
  {
    title: 'a transaction that was answered with another version of a document',
    spoil: h =>
      change(
        h,
        ({ outcome }) => outcome.type === 'ok' && outcome.others !== undefined,
        ({ outcome }) =>
          outcome.type === 'ok'
            ? {
                outcome: { ...outcome, others: (outcome.others ?? []).map(one => ({ ...one, version: 77 })) },
              }
            : {},
      ),
    says: /was answered with version 77 and revision \d+ of .*, which has another/,
  },
  {
    title: 'a transaction whose second register lost an update',
    spoil: h => {
      const [first, second] = h.commands.filter(({ also, outcome }) => also && outcome.type === 'ok')
      return recommand(
        h,
        one => one === second,
        () => ({ also: first?.also }),
      )
    },
    says: /settings\/kytos\/register_1 is not linearizable/,
  },
  {
    title: 'a change that was stored by the controller whose NApp refuses it',
    spoil: h =>
      rewrite(h, all =>
        all.map(one => ({
          ...one,
          changes: one.changes.map(({ key, text }) => ({
            key,
            text: key.startsWith('history/settings/kytos/guarded_0/')
              ? text?.replace(/"controller":"\w+"/, '"controller":"two"')
              : text,
          })),
        })),
      ),
    says: /two committed settings\/kytos\/guarded_0 in revision \d+, which its NApp refuses/,
  },
  {
    title: 'a refused change that was stored all the same',
    spoil: h =>
      change(h, isGuarded, () => ({ outcome: { type: 'refused', code: 'CHANGE_VETOED', message: '' } })),
    says: /was refused \(CHANGE_VETOED\), but settings\/kytos\/guarded_0 got it/,
  },
  {
    title: 'a veto that no NApp has given',
    spoil: h => change(h, isVetoed, () => ({ refusedBy: null })),
    says: /was vetoed at \w+, where no NApp refuses that change of settings\/kytos\/guarded_0/,
  },
]

describe('in changes of several documents and in those that a hook refuses, the judge', () =>
  prove(mixedRound, CHANGES))
