import type { Backend, Batch, Change, ListOptions, Operation, Outcome } from '../../../backends/backend.ts'
import type { Place } from '../../../conformance/harness/case.ts'
import type { Entry, Revision } from '../../../model/document.ts'
import type { Key, Prefix } from '../../../model/key.ts'
import type { MemoryPlace } from '../memory-subject.ts'

/** A broken backend: it breaks one promise of the contract and keeps the others. */
export interface Mutant {
  /** What is broken. */
  readonly title: string
  /** The subject of the cases that must notice. */
  readonly noticedBy: string
  place(sound: MemoryPlace): Place
}

/** A mutant that breaks each backend of a place by replacing some of its methods. */
export function mutant(
  title: string,
  noticedBy: string,
  change: (sound: Backend) => Partial<Backend>,
): Mutant {
  const broken = (sound: Backend): Backend => ({ ...delegate(sound), ...change(sound) })
  return {
    title,
    noticedBy,
    place: sound => ({
      ...sound,
      backend: () => broken(sound.backend()),
      afterCrash: async () => broken(await sound.afterCrash()),
    }),
  }
}

/** A mutant that changes the batches of a watch on their way. */
export function watchMutant(
  title: string,
  noticedBy: string,
  change: (batch: Batch) => Iterable<Batch>,
): Mutant {
  return mutant(title, noticedBy, sound => ({
    async *watch(since, signal) {
      for await (const batch of sound.watch(since, signal))
        yield* batch.changes.length > 0 ? change(batch) : [batch]
    },
  }))
}

/** A mutant that changes the operations of a commit on their way. */
export function operationMutant(
  title: string,
  noticedBy: string,
  change: (operation: Operation) => Operation,
): Mutant {
  return mutant(title, noticedBy, sound => ({ commit: operations => sound.commit(operations.map(change)) }))
}

/** A mutant that changes every entry that is read, in whatever way. */
export function entryMutant(title: string, noticedBy: string, change: (entry: Entry) => Entry): Mutant {
  return mutant(title, noticedBy, sound => ({
    async get(key) {
      const entry = await sound.get(key)
      return entry && change(entry)
    },
    async list(prefix, options) {
      return pagesOf(sound, prefix, options, entries => entries.map(change))
    },
    async commit(operations) {
      const outcome = await sound.commit(operations)
      return outcome.committed ? outcome : { ...outcome, found: outcome.found.map(change) }
    },
    async *watch(since, signal) {
      for await (const batch of sound.watch(since, signal))
        yield { ...batch, changes: batch.changes.map(each => changedPut(each, change)) }
    },
  }))
}

/** A listing whose entries are changed, all at once, before they are given in pages. */
export async function pagesOf(
  sound: Backend,
  prefix: Prefix,
  options: ListOptions | undefined,
  change: (entries: readonly Entry[]) => readonly Entry[],
) {
  const { revision, pages } = await sound.list(prefix, options)
  const changed = change(await flat(pages))
  return { revision, pages: oneByOne(changed) }
}

/** All entries of some pages. */
export async function flat(pages: AsyncIterable<readonly Entry[]>): Promise<readonly Entry[]> {
  const entries: Entry[] = []
  for await (const page of pages) entries.push(...page)
  return entries
}

/** Pages of 100 entries. */
export async function* oneByOne(entries: readonly Entry[]): AsyncGenerator<readonly Entry[]> {
  for (let at = 0; at < entries.length; at += 100) yield entries.slice(at, at + 100)
}

/** What a commit that lost found, as it should be. */
export async function guardedEntries(
  sound: Backend,
  operations: readonly Operation[],
): Promise<readonly Entry[]> {
  const found = await Promise.all(
    operations.filter(({ expected = 'any' }) => expected !== 'any').map(({ key }) => sound.get(key)),
  )
  return found.filter(entry => entry !== undefined)
}

/** True when the guards of these operations hold now. */
export async function guardsHold(sound: Backend, operations: readonly Operation[]): Promise<boolean> {
  const each = operations.map(async ({ key, expected = 'any' }) => {
    const entry = await sound.get(key)
    return (
      expected === 'any' || (expected === 'absent' ? entry === undefined : entry?.modRevision === expected)
    )
  })
  return (await Promise.all(each)).every(Boolean)
}

/** A backend as a plain object, so that methods can be replaced. */
export function delegate(sound: Backend): Backend {
  return {
    name: sound.name,
    supports: sound.supports,
    open: () => sound.open(),
    get: (key: Key) => sound.get(key),
    list: (prefix: Prefix, options?: ListOptions) => sound.list(prefix, options),
    timeToLive: (key: Key) => sound.timeToLive(key),
    commit: (operations: readonly Operation[]): Promise<Outcome> => sound.commit(operations),
    watch: (since: Revision, signal: AbortSignal) => sound.watch(since, signal),
    fileProblems: () => sound.fileProblems(),
    restoreFiles: (keys?: readonly Key[]) => sound.restoreFiles(keys),
    close: () => sound.close(),
  }
}

function changedPut(change: Change, how: (entry: Entry) => Entry): Change {
  return change.type === 'put' ? { type: 'put', entry: how(change.entry) } : change
}
