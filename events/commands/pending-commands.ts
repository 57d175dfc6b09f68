import { CODES, COMMON, type Command, optional, required, type, WRITE } from './command.ts'
import type { EndedPending } from './pending-nouns.ts'

/** The field of a change that is rolled back unless it is confirmed within this many seconds. */
export const CONFIRM_WITHIN = { confirm_within: optional<number>() }

/** The commands that end a confirmed commit, for all its documents. */
export const PENDING_COMMANDS = {
  'kytos.settings.confirm': {
    ...WRITE,
    fields: { namespace: required<string>(), ...COMMON },
    answer: type<EndedPending>(),
    errors: [...CODES.place, 'NOT_PENDING'],
  },
  'kytos.settings.cancel': {
    ...WRITE,
    fields: { namespace: required<string>(), ...COMMON },
    answer: type<EndedPending>(),
    errors: [...CODES.place, 'NOT_PENDING'],
  },
} satisfies Readonly<Record<`kytos.${string}`, Command>>
