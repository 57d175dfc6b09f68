import type { Operation, Outcome } from '../../../backends/backend.ts'
import { EVERYTHING } from '../../../model/key.ts'
import { type Flight, inFlights } from './flight.ts'
import { entryMutant, guardedEntries, guardsHold, type Mutant, mutant, operationMutant } from './mutant.ts'

const unguarded = (operation: Operation): Operation =>
  'check' in operation ? { ...operation, expected: 'any' } : { ...operation, expected: 'any' }
const isRevision = ({ expected }: Operation): boolean => typeof expected === 'bigint'

/** Broken commits: halves, guards, losers, neighbours. */
export const commitMutants: readonly Mutant[] = [
  mutant('a commit is not atomic: what stands before a failing guard is written', 'guards', sound => ({
    async commit(operations) {
      let last: Outcome | undefined
      for (const operation of operations) {
        last = await sound.commit([operation])
        if (!last.committed) return { committed: false, found: await guardedEntries(sound, operations) }
      }
      return last ?? sound.commit(operations)
    },
  })),
  mutant('a commit is written in two halves, guards checked before', 'concurrency', sound => ({
    async commit(operations) {
      const half = Math.ceil(operations.length / 2)
      if (half === operations.length || !(await guardsHold(sound, operations)))
        return sound.commit(operations)
      await sound.commit(operations.slice(0, half).map(unguarded))
      return sound.commit(operations.slice(half).map(unguarded))
    },
  })),
  operationMutant('every guard is ignored', 'guards', unguarded),
  operationMutant('a guard by revision is ignored', 'guards', operation =>
    isRevision(operation) ? unguarded(operation) : operation,
  ),
  operationMutant('a guard by absence is ignored', 'guards', operation =>
    operation.expected === 'absent' ? unguarded(operation) : operation,
  ),
  operationMutant('a check is ignored', 'guards', operation =>
    'check' in operation ? unguarded(operation) : operation,
  ),
  operationMutant('the guard of a delete is ignored', 'guards', operation =>
    'delete' in operation ? unguarded(operation) : operation,
  ),
  mutant('guards are checked first and trusted later', 'batching', sound => ({
    async commit(operations) {
      if (operations.length === 0 || !(await guardsHold(sound, operations))) return sound.commit(operations)
      await new Promise(setImmediate)
      return sound.commit(operations.map(unguarded))
    },
  })),
  mutant('one loser fails its neighbours in flight', 'batching', sound => ({
    commit: inFlights(async flight => {
      const well = await Promise.all(flight.map(({ operations }) => guardsHold(sound, operations)))
      for (const { operations, resolve } of flight) {
        resolve(
          well.every(Boolean)
            ? await sound.commit(operations)
            : { committed: false, found: await guardedEntries(sound, operations) },
        )
      }
    }),
  })),
  mutant('one refused commit fails its neighbours in flight', 'batching', sound => ({
    commit: inFlights(async flight => {
      const ends = await Promise.allSettled(flight.map(({ operations }) => sound.commit(operations)))
      const failed = ends.find(end => end.status === 'rejected')
      flight.forEach((call: Flight[number], at: number) => {
        const end = ends[at]
        if (failed) call.reject(failed.reason)
        else if (end?.status === 'fulfilled') call.resolve(end.value)
      })
    }),
  })),
  mutant('of several writes of a key in one flight only the last is made', 'batching', sound => ({
    commit: inFlights(async flight => {
      const last = new Map(flight.flatMap(call => call.operations.map(({ key }) => [key, call] as const)))
      for (const call of flight) {
        const winner = call.operations.map(({ key }) => last.get(key)).find(other => other !== call)
        if (!winner || call.operations.length !== 1)
          sound.commit(call.operations).then(call.resolve, call.reject)
        else
          sound
            .list(EVERYTHING)
            .then(({ revision }) => call.resolve({ committed: true, revision }), call.reject)
      }
    }),
  })),
  mutant('a loser finds nothing', 'guards', sound => ({
    async commit(operations) {
      const outcome = await sound.commit(operations)
      return outcome.committed ? outcome : { committed: false, found: [] }
    },
  })),
  mutant('a loser finds also what it did not guard', 'guards', sound => ({
    async commit(operations) {
      const outcome = await sound.commit(operations)
      if (outcome.committed) return outcome
      const { pages } = await sound.list(EVERYTHING)
      const found = []
      for await (const page of pages) found.push(...page)
      return { committed: false, found }
    },
  })),
  mutant('a commit answers with the revision before its own', 'commit', sound => ({
    async commit(operations) {
      const outcome = await sound.commit(operations)
      return outcome.committed ? { committed: true, revision: outcome.revision - 1n } : outcome
    },
  })),
  mutant('a put of the same text is taken for nothing to do', 'commit', sound => ({
    async commit(operations) {
      const [first] = operations
      if (operations.length !== 1 || !first || !('put' in first) || first.ttl !== undefined)
        return sound.commit(operations)
      const before = await sound.get(first.key)
      return before?.text === first.put && first.expected === undefined
        ? { committed: true, revision: before.modRevision }
        : sound.commit(operations)
    },
  })),
  mutant('a check changes the key that it guards', 'guards', sound => ({
    async commit(operations) {
      const touched = operations.map(async (operation): Promise<Operation> => {
        const entry = 'check' in operation ? await sound.get(operation.key) : undefined
        return entry ? { key: entry.key, put: entry.text, expected: operation.expected ?? 'any' } : operation
      })
      return sound.commit(await Promise.all(touched))
    },
  })),
  entryMutant('created is the revision of the last commit', 'commit', entry => ({
    ...entry,
    createRevision: entry.modRevision,
  })),
  mutant(
    'a key that is put again after its deletion keeps the revision that first created it',
    'commit',
    sound => {
      const created = new Map<string, bigint>()
      return {
        async commit(operations) {
          const outcome = await sound.commit(operations)
          for (const { key } of operations)
            if (outcome.committed && !created.has(key)) created.set(key, outcome.revision)
          return outcome
        },
        async get(key) {
          const entry = await sound.get(key)
          return entry && { ...entry, createRevision: created.get(key) ?? entry.createRevision }
        },
      }
    },
  ),
]
