import type { Operation } from '../../../backends/backend.ts'
import { mayRepeat } from '../../../backends/may-repeat.ts'
import { type Settled, settle } from '../../../backends/settle.ts'
import type { Rules } from '../../support/lossy-client.ts'
import type { Mutant } from './mutant.ts'

/** A mutant that draws other conclusions from a lost answer than the contract does. */
function ruleMutant(title: string, rules: Partial<Rules>): Mutant {
  return {
    title,
    noticedBy: 'lost answers',
    place: sound => ({ ...sound, lossy: () => sound.lossy({ mayRepeat, settle, ...rules }) }),
  }
}

/** A rule about settling that is broken for some commits. */
const settling = (
  change: (settled: Settled, operations: readonly Operation[]) => Settled,
): Pick<Rules, 'settle'> => ({
  settle: async (operations, held, readVersion) =>
    change(await settle(operations, held, readVersion), operations),
})
const LOST_RACE: Settled = { committed: false, found: [] }
const unmarked = (operation: Operation): Operation => {
  if ('check' in operation) return operation
  const { marker: _marker, ...rest } = operation
  return rest
}

/** Broken conclusions from a lost answer. */
export const lostAnswerMutants: readonly Mutant[] = [
  ruleMutant('a commit whose answer was lost is always sent again', { mayRepeat: () => true }),
  ruleMutant('any guard is enough to send a commit again', {
    mayRepeat: operations => operations.some(({ expected = 'any' }) => expected !== 'any'),
  }),
  ruleMutant('a put with a ttl is repeated like one that lasts', {
    mayRepeat: operations => operations.some(operation => 'lasting' in operation) || mayRepeat(operations),
  }),
  ruleMutant('a write that expects anything is repeated', {
    mayRepeat: operations =>
      operations.some(({ expected = 'any' }) => expected === 'any') || mayRepeat(operations),
  }),
  ruleMutant(
    'what the store does not show is taken for a lost race',
    settling(settled => (settled === 'unknown' ? LOST_RACE : settled)),
  ),
  ruleMutant(
    'a put that the store does not show is taken for a lost race',
    settling((settled, operations) =>
      settled === 'unknown' && !operations.some(operation => 'delete' in operation) ? LOST_RACE : settled,
    ),
  ),
  ruleMutant('a deletion by another commit counts as the own one', {
    settle: (operations, held, readVersion) => settle(operations.map(unmarked), held, readVersion),
  }),
  ruleMutant('a marker is not looked for below later changes', {
    settle: (operations, held) => settle(operations, held, async () => undefined),
  }),
  ruleMutant('no commit is ever sent again', { mayRepeat: () => false, settle: async () => 'unknown' }),
]
