import type { Backend } from '../../backends/backend.ts'
import { SettingsError } from '../../model/errors.ts'
import { historyPrefix } from '../../model/key.ts'
import { CLUSTER, overridesKey } from '../../model/namespace.ts'
import { equalJson, type JsonObject } from '../../model/value.ts'
import type { OverridesPlace } from '../state/document-state.ts'
import type { StoredRecord } from '../state/record.ts'
import { listRecords } from './kept-records.ts'
import { isMemberOf, restoreKeys } from './restore-keys.ts'
import { StandingSearch } from './standing.ts'

/** A document and the version that it returns to. */
export interface RollbackTarget extends OverridesPlace {
  /** 0 is the state before the first version. */
  readonly version: number
  /** JSON Pointers of the only settings that return; all when absent. */
  readonly keys?: readonly string[] | undefined
  /** The version that must still be the newest, unless the document is as the target already. */
  readonly ifVersion?: number | undefined
}

/** The history of a document, as a rollback of it needs it. */
export interface RollbackSource extends RollbackTarget {
  /** The newest record, on top of which the rollback is computed. */
  readonly newest: StoredRecord | undefined
  /** The overrides of the version; undefined for none. */
  readonly data: JsonObject | undefined
  /** The records after `ifVersion`, oldest first; at most {@link MAX_LISTED_CHANGES}. */
  readonly since: readonly ChangeSince[]
}

/** A change that was made after the version that a caller expects. */
export type ChangeSince = Pick<StoredRecord, 'version' | 'at' | 'actor' | 'controller'>

/** The changes that a refusal names for each document. */
const MAX_LISTED_CHANGES = 20

/**
 * Reads the version of a document that a rollback returns to.
 * @throws SettingsError VERSION_NOT_FOUND for a version that does not exist yet, VERSION_PRUNED for one that
 * is no longer kept.
 */
export async function readRollbackSource(backend: Backend, target: RollbackTarget): Promise<RollbackSource> {
  const { namespace, scope, version, ifVersion } = target
  const search = StandingSearch.atVersion(version)
  const since: ChangeSince[] = []
  const { records } = await listRecords(backend, historyPrefix(overridesKey(namespace, scope)))
  for await (const { record } of records) {
    search.add(record)
    if (ifVersion === undefined || record.version <= ifVersion || since.length >= MAX_LISTED_CHANGES) continue
    const { version, at, actor, controller } = record
    since.push({ version, at, actor, controller })
  }
  const { record, data, isKnown, newest } = search.result
  if (version > (newest?.version ?? 0)) throw notFound(target, newest)
  // The state before the first version is known without a record.
  if (version > 0 && (!isKnown || record?.version !== version)) throw versionPruned(target)
  return { ...target, newest, data: version === 0 ? undefined : data, since }
}

/**
 * The overrides after a rollback; undefined deletes them.
 * @throws SettingsError SETTING_NOT_FOUND for a key that neither the version nor the overrides have.
 */
export function rolledBack(
  { namespace, version, keys, data }: RollbackSource,
  before: JsonObject,
): JsonObject | undefined {
  if (keys === undefined) return data
  for (const pointer of keys)
    if (!isMemberOf([before, data ?? {}], pointer))
      throw new SettingsError(
        'SETTING_NOT_FOUND',
        `Neither version ${version} of "${namespace}" nor its overrides have "${pointer}". Nothing was changed.`,
        { details: { namespace, version, pointer } },
      )
  const next = restoreKeys(before, data ?? {}, keys)
  return data === undefined && Object.keys(next).length === 0 ? undefined : next
}

/**
 * @throws SettingsError REVISION_MISMATCH for documents that were changed after the versions that a rollback
 * undoes, with all of these changes. A document that is as the rollback wants it does not count.
 */
export function refuseChangedSince(sources: readonly RollbackSource[], remedy: string): void {
  const changed = sources.filter(
    source =>
      source.since.length > 0 &&
      !equalJson(source.newest?.data, rolledBack(source, source.newest?.data ?? {})),
  )
  if (changed.length === 0) return
  const parts = changed.map(source => `${nameOf(source)} by ${source.since.map(printChange).join(', ')}`)
  throw new SettingsError(
    'REVISION_MISMATCH',
    `Changed since: ${parts.join('; ')}. Nothing was changed. ${remedy}`,
    {
      details: {
        changed: changed.map(({ namespace, scope, since }) => ({ namespace, scope, changes: since })),
      },
    },
  )
}

/** The refusal of a rollback to a version that is no longer kept. */
export function versionPruned({ namespace, scope, version }: RollbackTarget): SettingsError {
  return new SettingsError(
    'VERSION_PRUNED',
    `Version ${version} of ${nameOf({ namespace, scope })} is no longer kept. Nothing was changed. "kytos-settings history ${namespace}" lists the versions that are.`,
    { details: { namespace, scope, version } },
  )
}

/** A document in a sentence. */
export function nameOf({ namespace, scope }: OverridesPlace): string {
  return `"${namespace}"${scope === CLUSTER ? '' : ` (${scope})`}`
}

function notFound(target: RollbackTarget, newest: StoredRecord | undefined): SettingsError {
  const { namespace, scope, version } = target
  const last = newest ? `the newest is ${newest.version}` : 'it has no versions in this scope'
  return new SettingsError(
    'VERSION_NOT_FOUND',
    `${nameOf(target)} has no version ${version}: ${last}. Nothing was changed.`,
    { details: { namespace, scope, version } },
  )
}

function printChange({ version, actor, at }: ChangeSince): string {
  return `version ${version} (${actor.type} ${actor.name}, ${at})`
}
