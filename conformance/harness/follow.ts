import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Backend, Batch, Change } from '../../backends/backend.ts'
import type { Entry, Revision } from '../../model/document.ts'
import { isSettingsError } from '../../model/errors.ts'
import type { Key } from '../../model/key.ts'
import { committed, FENCE, within } from './assertions.ts'
import type { Context } from './case.ts'

/** A reader of a watch that records everything it yields, without fences. */
export interface Follower {
  /** The batches with changes, in the order they came. */
  readonly batches: readonly Batch[]
  /** The revisions of all batches, progress included, in the order they came. */
  readonly revisions: readonly Revision[]
  /** Waits until `done` is true, and resolves with the batches. */
  until(done: () => boolean, what: string): Promise<readonly Batch[]>
  /** Waits for the next change of a key, after the changes already waited for. */
  change(key: Key): Promise<Change>
  /** Waits until a fence was yielded. */
  pass(fence: string): Promise<readonly Batch[]>
  /** Aborts the watch and waits for its end. */
  stop(): Promise<void>
}

/**
 * Watches from a revision, and again from the last batch with changes when the connection fails, as a backend
 * may.
 */
export async function* watched(
  store: Backend,
  since: Revision,
  signal: AbortSignal,
): AsyncGenerator<Batch, void, void> {
  for (let last = since; !signal.aborted; await new Promise(setImmediate)) {
    try {
      for await (const batch of store.watch(last, signal)) {
        yield batch
        if (batch.changes.length > 0) last = batch.revision
      }
      return
    } catch (error) {
      if (!isSettingsError(error, 'STORE_UNREACHABLE')) throw error
    }
  }
}

/** Watches from a revision and records the batches. */
export function follow({ over, timeoutMs }: Context, store: Backend, since: Revision): Follower {
  const end = new AbortController()
  const signal = AbortSignal.any([over, end.signal])
  const batches: Batch[] = []
  const revisions: Revision[] = []
  const fences = new Set<string>()
  const waiting = new Set<() => void>()
  let failure: unknown
  let seen = 0

  const take = ({ revision, changes }: Batch): void => {
    revisions.push(revision)
    for (const change of changes)
      if (change.type === 'put' && change.entry.key === FENCE) fences.add(change.entry.text)
    const rest = changes.filter(change => keyOf(change) !== FENCE)
    if (rest.length > 0) batches.push({ revision, changes: rest })
  }

  const notify = (): void => {
    for (const wake of waiting) wake()
    waiting.clear()
  }

  const read = async (): Promise<void> => {
    for await (const batch of watched(store, since, signal)) {
      take(batch)
      notify()
    }
  }

  const reading = read().catch((error: unknown) => {
    failure = error
    notify()
  })

  const until = async (done: () => boolean, what: string): Promise<readonly Batch[]> => {
    const wait = async (): Promise<void> => {
      while (!done()) {
        if (failure !== undefined) throw failure
        await new Promise<void>(resolve => waiting.add(resolve))
      }
    }
    await within(wait(), timeoutMs, what)
    return batches
  }

  return {
    batches,
    revisions,
    until,
    async change(key) {
      const find = () =>
        batches.flatMap(batch => batch.changes).findIndex((change, at) => at >= seen && keyOf(change) === key)
      await until(() => find() >= 0, `a change of ${key}`)
      seen = find() + 1
      const change = batches.flatMap(batch => batch.changes)[seen - 1]
      assert.ok(change)
      return change
    },
    pass: fence => until(() => fences.has(fence), 'a commit made after all others'),
    async stop() {
      end.abort()
      await within(reading, timeoutMs, 'the end of an aborted watch')
    },
  }
}

/**
 * Commits a fence and waits until all these followers have passed it. Everything before it was yielded then,
 * also a second time if a backend does that.
 */
export async function fence(store: Backend, ...followers: readonly Follower[]): Promise<void> {
  const text = `{"fence":"${randomUUID()}"}`
  committed(await store.commit([{ key: FENCE, put: text }]))
  await Promise.all(followers.map(follower => follower.pass(text)))
}

/** All batches after a revision, up to now. */
export async function history(context: Context, store: Backend, since: Revision): Promise<readonly Batch[]> {
  const follower = follow(context, store, since)
  await fence(store, follower)
  await follower.stop()
  assertOrderly(follower.batches, since)
  return follower.batches
}

/** The key that a change is about. */
export function keyOf(change: Change): Key {
  return change.type === 'put' ? change.entry.key : change.key
}

/** A short form of a batch: its revision and, for each change, the key and the text (null for a delete). */
export function digest({
  revision,
  changes,
}: Batch): readonly [Revision, ...(readonly [Key, string | null])[]] {
  return [
    revision,
    ...changes.map(change => [keyOf(change), change.type === 'put' ? change.entry.text : null] as const),
  ]
}

/**
 * Asserts the properties of every sequence of batches: revisions rise, no batch is empty, each key occurs
 * once and in byte order, and every change has the revision of its batch.
 */
export function assertOrderly(batches: readonly Batch[], since: Revision): void {
  let last = since
  for (const { revision, changes } of batches) {
    assert.ok(revision > last, `the batch of revision ${revision} came after that of ${last}`)
    last = revision
    const keys = changes.map(keyOf)
    assert.deepEqual(
      keys,
      [...new Set(keys)].sort(),
      `the keys of revision ${revision} are not in byte order, once each`,
    )
    for (const change of changes) {
      assert.equal(
        change.type === 'put' ? change.entry.modRevision : change.revision,
        revision,
        `${keyOf(change)} bears another revision than its batch`,
      )
    }
  }
}

/** The entries of a listing after batches are applied to it. */
export function replay(entries: readonly Entry[], batches: readonly Batch[]): readonly Entry[] {
  const state = new Map(entries.map(entry => [entry.key, entry]))
  for (const { changes } of batches) {
    for (const change of changes) {
      if (change.type === 'put') state.set(change.entry.key, change.entry)
      else assert.ok(state.delete(change.key), `${change.key} was deleted though it was not there`)
    }
  }
  return [...state.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
}
