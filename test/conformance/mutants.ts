import type { Subject } from '../../conformance/harness/case.ts'
import { memoryPlace, sharedMemory } from './memory-subject.ts'
import { commitMutants } from './mutants/commit.ts'
import { contentMutants } from './mutants/content.ts'
import { listMutants } from './mutants/list.ts'
import { lostAnswerMutants } from './mutants/lost-answers.ts'
import type { Mutant } from './mutants/mutant.ts'
import { timeMutants } from './mutants/time.ts'
import { watchMutants } from './mutants/watch.ts'

/** Every way of breaking the contract that the suite is known to notice. */
export const MUTANTS: readonly Mutant[] = [
  ...commitMutants,
  ...watchMutants,
  ...listMutants,
  ...contentMutants,
  ...timeMutants,
  ...lostAnswerMutants,
]

/** A mutant as a subject of the suite. */
export function mutantSubject({ title, place }: Pick<Mutant, 'title' | 'place'>, timeoutMs: number): Subject {
  return { ...sharedMemory, title, ttl: 0.1, timeoutMs, create: async () => place(memoryPlace()) }
}
