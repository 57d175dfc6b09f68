import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  asHeld,
  asMissing,
  asPresent,
  asSeen,
  asUnseen,
  CLEAN,
  changeOf,
  type FileState,
  isMissing,
  rejectionOf,
  withAbsence,
  withContentChange,
  withoutChange,
  withRejection,
} from '../../../../../backends/filesystem/reconcile/file-state.ts'

/** The same state as independent fields: the reference that the union is compared with. */
interface Flags {
  isMissing: boolean
  isUnseen: boolean
  rejected: string | undefined
  change: string | null | undefined
}

const hash = fc.constantFrom('a', 'b', 'c')

/** Each step with its effect on the fields, and whether the reconciler can take it in that state. */
const step = fc.oneof(
  fc.constant({ name: 'held' as const }),
  fc.constant({ name: 'missing' as const }),
  fc.constant({ name: 'present' as const }),
  fc.constant({ name: 'seen' as const }),
  fc.constant({ name: 'unseen' as const }),
  fc.constant({ name: 'released' as const }),
  fc.constant({ name: 'same' as const }),
  fc.constant({ name: 'accepted' as const }),
  fc.constant({ name: 'gone' as const }),
  fc.record({ name: fc.constant('content' as const), hash }),
  fc.record({ name: fc.constant('rejected' as const), hash }),
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

function isPossible({ name }: Step, flags: Flags): boolean {
  switch (name) {
    case 'unseen':
      return flags.rejected === undefined && flags.change === undefined
    case 'gone':
      return !flags.isUnseen && !flags.isMissing
    case 'content':
    case 'rejected':
      return !flags.isUnseen
    default:
      return true
  }
}

function applyToFlags(one: Step, flags: Flags): Flags {
  switch (one.name) {
    case 'held':
      return { ...flags, isMissing: false, change: undefined }
    case 'missing':
      return { ...flags, isMissing: true, change: undefined, rejected: undefined }
    case 'present':
      return { ...flags, isMissing: false }
    case 'seen':
      return { ...flags, isUnseen: false }
    case 'unseen':
      return { ...flags, isUnseen: true }
    case 'released':
      return { isMissing: false, isUnseen: false, change: undefined, rejected: undefined }
    case 'same':
      return { ...flags, change: undefined }
    case 'accepted':
      return { ...flags, rejected: undefined }
    case 'gone':
      return { ...flags, change: null }
    case 'content':
      return { ...flags, change: one.hash }
    case 'rejected':
      // The next look at the same content clears the change; another content replaces it.
      return { ...flags, rejected: one.hash, change: undefined }
  }
}

function applyToState(one: Step, state: FileState): FileState {
  switch (one.name) {
    case 'held':
      return asHeld(state)
    case 'missing':
      return asMissing(state)
    case 'present':
      return asPresent(state)
    case 'seen':
      return asSeen(state)
    case 'unseen':
      return asUnseen(state)
    case 'released':
      return CLEAN
    case 'same':
      return withoutChange(state)
    case 'accepted':
      return withRejection(state, undefined)
    case 'gone':
      return withAbsence(state, { type: 'absence', since: 0, isInPlace: true })
    case 'content':
      return withContentChange(state, { type: 'content', hash: one.hash, since: 0 })
    case 'rejected':
      return withRejection(state, { hash: one.hash, reason: 'broken' })
  }
}

function flagsOf(state: FileState): Flags {
  const change = changeOf(state)
  return {
    isMissing: isMissing(state),
    isUnseen: state.state === 'unseen',
    rejected: rejectionOf(state)?.hash,
    change: change?.type === 'content' ? change.hash : change && null,
  }
}

it('The state of a tracked file loses nothing that independent fields would keep, whatever happens to it', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), steps => {
      let state = CLEAN
      let flags: Flags = flagsOf(state)
      for (const one of steps) {
        if (!isPossible(one, flags)) continue
        state = applyToState(one, state)
        flags = applyToFlags(one, flags)
        expect(flagsOf(state)).toEqual(flags)
      }
    }),
    { numRuns: 2_000 },
  )
})
