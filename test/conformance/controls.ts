import { keyOf } from '../../conformance/harness/follow.ts'
import { SettingsError } from '../../model/errors.ts'
import { makeKey } from '../../model/key.ts'
import { type Flight, inFlights } from './mutants/flight.ts'
import { flat, guardsHold, type Mutant, mutant, pagesOf } from './mutants/mutant.ts'

const OTHERS = makeKey('presence', 'others')

/** Backends that are odd but keep the contract: a suite that fails them asks for more than was promised. */
export const CONTROLS: readonly Omit<Mutant, 'noticedBy'>[] = [
  mutant('the reference as it is', '', () => ({})),
  mutant('a watch that is cut after every third batch', '', sound => ({
    async *watch(since, signal) {
      let n = 0
      for await (const batch of sound.watch(since, signal)) {
        yield batch
        if (++n % 3 === 0) throw new SettingsError('STORE_UNREACHABLE', 'The line was cut.')
      }
    },
  })),
  mutant('a watch that gives progress after every batch', '', sound => ({
    async *watch(since, signal) {
      for await (const batch of sound.watch(since, signal)) {
        yield batch
        if (signal.aborted) return
        yield { revision: batch.revision, changes: [] }
      }
    },
  })),
  mutant('a listing with a page for every entry, and empty ones between', '', sound => ({
    async list(prefix, options) {
      const { revision, pages } = await sound.list(prefix, options)
      const entries = await flat(pages)
      const single = async function* () {
        for (const entry of entries) {
          yield [entry]
          yield []
        }
      }
      return { revision, pages: single() }
    },
  })),
  mutant('commits in flight that share a revision where no key stands in two of them', '', sound => ({
    commit: inFlights(async flight => {
      const together: Flight[number][] = []
      const keys = new Set<string>()
      for (const call of flight) {
        const own = call.operations.map(({ key }) => key)
        const fits = own.length > 0 && new Set(own).size === own.length && !own.some(key => keys.has(key))
        if (
          !fits ||
          call.operations.some(operation => 'put' in operation && operation.put.length > 1_000_000)
        )
          continue
        if (!(await guardsHold(sound, call.operations))) continue
        for (const key of own) keys.add(key)
        together.push(call)
      }
      const shared =
        together.length > 1 ? await sound.commit(together.flatMap(call => call.operations)) : undefined
      for (const call of flight) {
        if (shared?.committed && together.includes(call)) call.resolve(shared)
        else await sound.commit(call.operations).then(call.resolve, call.reject)
      }
    }),
  })),
  mutant('a store on which others commit all the time, where we do not look', '', sound => ({
    async commit(operations) {
      await sound.commit([{ key: OTHERS, put: '{}' }])
      return sound.commit(operations)
    },
    list: (prefix, options) =>
      pagesOf(sound, prefix, options, entries => entries.filter(({ key }) => key !== OTHERS)),
    async *watch(since, signal) {
      for await (const batch of sound.watch(since, signal))
        yield { ...batch, changes: batch.changes.filter(change => keyOf(change) !== OTHERS) }
    },
  })),
]
