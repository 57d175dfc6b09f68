import { randomUUID } from 'node:crypto'
import type { Backend, Operation } from '../../backends/backend.ts'
import { type Entry, printRevision, type Revision } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import { printJson } from '../../model/json.ts'
import { isObject } from '../../model/value.ts'
import { parseObject } from '../state/record.ts'
import { FORMAT, META_KEY, readEpoch } from '../watcher/epoch.ts'
import type { StoreSnapshot } from './store-snapshot.ts'

/*
 * While a store is being filled, `meta/store` says so instead of an epoch: no service takes half of it for
 * the whole, and one that runs on it keeps what it knew and writes nothing. Every commit is guarded by that
 * document, so a filling that was taken over, or a service that came in between, ends it at once.
 */

/** What a store says of itself before it is filled. */
export interface Before {
  readonly meta: Entry | undefined
  /** The highest epoch it is known to have had. */
  readonly epoch: number
  /** The store that a filling which was not finished came from. */
  readonly unfinished: string | undefined
}

/**
 * Reads `meta/store` as one who will fill the store.
 * @throws SettingsError STORE_FORMAT for a store of a newer release, or one that is not ours.
 */
export function readBefore(meta: Entry | undefined): Before {
  const { filling } = (meta && parseObject(meta.text)) ?? {}
  if (!isObject(filling)) return { meta, epoch: readEpoch(meta), unfinished: undefined }
  return {
    meta,
    epoch: typeof filling.epoch === 'number' ? filling.epoch : 0,
    unfinished: String(filling.from),
  }
}

/** A filling that has begun. */
export interface Filling {
  /**
   * Commits, as long as the store is still filled by this one.
   * @throws SettingsError CONTENTION when it is not, or when a guard failed.
   */
  commit(operations: readonly Operation[]): Promise<void>
  /** Gives the store the epoch from which services use it. */
  finish(): Promise<number>
}

/**
 * Marks the store as being filled from a picture.
 * @throws SettingsError CONTENTION when somebody else was quicker.
 */
export async function beginFilling(
  backend: Backend,
  { meta, epoch }: Before,
  picture: StoreSnapshot,
): Promise<Filling> {
  const floor = Math.max(epoch, picture.epoch)
  const filling = {
    from: picture.store,
    revision: printRevision(picture.revision),
    at: picture.at,
    epoch: floor,
    run: randomUUID(),
  }
  const begun = await backend.commit([
    {
      key: META_KEY,
      put: printJson({ format: FORMAT, filling }),
      expected: meta?.modRevision ?? 'absent',
      marker: true,
    },
  ])
  if (!begun.committed) throw takenOver()
  return {
    commit: operations => commitGuarded(backend, begun.revision, operations),
    async finish() {
      const next = Math.max(Date.now(), floor + 1)
      const ended = await backend.commit([
        { key: META_KEY, put: printJson({ format: FORMAT, epoch: next }), expected: begun.revision },
      ])
      if (!ended.committed) throw takenOver()
      return next
    },
  }
}

async function commitGuarded(
  backend: Backend,
  mark: Revision,
  operations: readonly Operation[],
): Promise<void> {
  const outcome = await backend.commit([...operations, { key: META_KEY, check: true, expected: mark }])
  if (outcome.committed) return
  if (outcome.found.find(({ key }) => key === META_KEY)?.modRevision !== mark) throw takenOver()
  const keys = outcome.found.filter(({ key }) => key !== META_KEY).map(({ key }) => key)
  throw new SettingsError(
    'CONTENTION',
    `Another process writes into the target: ${keys.slice(0, 5).join(', ') || 'a document was deleted'}. Its changes were not overwritten. Stop it, then run this command again.`,
    { details: { keys: keys.slice(0, 100) } },
  )
}

function takenOver(): SettingsError {
  return new SettingsError(
    'CONTENTION',
    'Another copy, restore or service wrote into the target. Its changes were not overwritten. Stop it, then run this command again.',
  )
}
