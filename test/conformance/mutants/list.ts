import { EVERYTHING } from '../../../model/key.ts'
import { flat, type Mutant, mutant, oneByOne, pagesOf } from './mutant.ts'

const byPeople = new Intl.Collator('en')

/** Broken listings. */
export const listMutants: readonly Mutant[] = [
  mutant('each page of a listing shows the store as it is when the page is read', 'list', sound => ({
    async list(prefix, options) {
      const { revision } = await sound.list(prefix, options)
      const pages = async function* () {
        for (let at = 0; ; at += 100) {
          const page = (await flat((await sound.list(prefix, options)).pages)).slice(at, at + 100)
          if (page.length === 0) return
          yield page
        }
      }
      return { revision, pages: pages() }
    },
  })),
  mutant('a listing is read when its first page is, later than its revision', 'list', sound => ({
    async list(prefix, options) {
      const { revision } = await sound.list(prefix, options)
      const pages = async function* () {
        yield* (await sound.list(prefix, options)).pages
      }
      return { revision, pages: pages() }
    },
  })),
  mutant('a listing tells a revision later than what it shows', 'list', sound => ({
    async list(prefix, options) {
      const { pages } = await sound.list(prefix, options)
      const entries = await flat(pages)
      return { revision: (await sound.list(prefix)).revision, pages: oneByOne(entries) }
    },
  })),
  mutant('a prefix is taken without its slash', 'list', sound => ({
    // What is broken is that this is no Prefix.
    list: (prefix, options) => sound.list(prefix.replace(/\/$/, '') as never, options),
  })),
  mutant('an underscore in a prefix stands for any sign', 'list', sound => ({
    async list(prefix, options) {
      const pattern = new RegExp(`^${prefix.replaceAll('_', '.')}`)
      return pagesOf(sound, EVERYTHING, options, entries => entries.filter(({ key }) => pattern.test(key)))
    },
  })),
  mutant('a prefix is ignored', 'list', sound => ({ list: (_, options) => sound.list(EVERYTHING, options) })),
  mutant('entries are in the order of an encyclopedia', 'list', sound => ({
    list: (prefix, options) =>
      pagesOf(sound, prefix, options, entries => entries.toSorted((a, b) => byPeople.compare(a.key, b.key))),
  })),
  mutant('entries are in the order of a walk through folders', 'list', sound => ({
    list: (prefix, options) =>
      pagesOf(sound, prefix, options, entries =>
        options?.newest
          ? entries
          : entries.toSorted((a, b) => (a.key.replaceAll('/', '\0') < b.key.replaceAll('/', '\0') ? -1 : 1)),
      ),
  })),
  mutant('the number of the newest is ignored', 'list', sound => ({ list: prefix => sound.list(prefix) })),
  mutant('the newest are given oldest first', 'list', sound => ({
    list: (prefix, options) =>
      pagesOf(sound, prefix, options, entries => (options?.newest ? entries.toReversed() : entries)),
  })),
  mutant('of the newest there is one too few', 'list', sound => ({
    list: (prefix, options) => sound.list(prefix, options?.newest ? { newest: options.newest - 1 } : options),
  })),
  mutant('only the first page of a listing is given', 'list', sound => ({
    async list(prefix, options) {
      const { revision, pages } = await sound.list(prefix, options)
      return { revision, pages: oneByOne((await flat(pages)).slice(0, 100)) }
    },
  })),
  mutant('deleted keys are listed until the next commit', 'commit', sound => {
    const gone = new Map<string, Awaited<ReturnType<typeof sound.get>>>()
    return {
      async commit(operations) {
        gone.clear()
        for (const operation of operations)
          if ('delete' in operation) gone.set(operation.key, await sound.get(operation.key))
        return sound.commit(operations)
      },
      list: (prefix, options) =>
        pagesOf(sound, prefix, options, entries => [
          ...entries,
          ...[...gone.values()].filter(entry => entry !== undefined),
        ]),
    }
  }),
]
