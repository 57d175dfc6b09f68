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
 * While a store is being loaded, `meta/store` holds `filling` instead of an epoch: no service uses an
 * incomplete store, and one that runs on it keeps its cache and writes nothing. Every commit is guarded by
 * that document, so another load, or a service that wrote it meanwhile, ends this load at once.
 */

/** The state of a store before it is loaded, as `meta/store` has it. */
export interface TargetState {
  readonly meta: Entry | undefined
  /** The highest epoch that the store is known to have had. */
  readonly epoch: number
  /** The source of a load that was not finished. */
  readonly unfinished: string | undefined
}

/**
 * Reads `meta/store` before a load.
 * @throws SettingsError STORE_FORMAT for a store of a newer release, or one that is not a settings store.
 */
export function readTargetState(meta: Entry | undefined): TargetState {
  const { filling } = (meta && parseObject(meta.text)) ?? {}
  if (!isObject(filling)) return { meta, epoch: readEpoch(meta), unfinished: undefined }
  return {
    meta,
    epoch: typeof filling.epoch === 'number' ? filling.epoch : 0,
    unfinished: String(filling.from),
  }
}

/** A load that has begun. */
export interface StoreLoad {
  /**
   * Commits while this load still owns the store.
   * @throws SettingsError CONTENTION when it no longer does, or when a guard failed.
   */
  commit(operations: readonly Operation[]): Promise<void>
  /** Sets and returns the epoch with which services use the store. */
  finish(): Promise<number>
}

/**
 * Marks the store as being loaded from a snapshot.
 * @throws SettingsError CONTENTION when another process marked it first.
 */
export async function beginLoad(
  backend: Backend,
  { meta, epoch }: TargetState,
  snapshot: StoreSnapshot,
): Promise<StoreLoad> {
  const floor = Math.max(epoch, snapshot.epoch)
  const filling = {
    from: snapshot.store,
    revision: printRevision(snapshot.revision),
    at: snapshot.at,
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
