import type { Backend } from '../../backends/backend.ts'
import type { TransactionResult } from '../../events/nouns.ts'
import type { Actor } from '../../model/actor.ts'
import { SettingsError } from '../../model/errors.ts'
import type { ExpectedRevision } from '../../model/expected-revision.ts'
import { equalJson } from '../../model/value.ts'
import type { OverridesRequest } from '../settings/write/overrides.ts'
import type { OverridesEdit } from '../settings/write/plan.ts'
import { isSameRecord } from '../state/record.ts'
import {
  nameOf,
  type RollbackSource,
  type RollbackTarget,
  readRollbackSource,
  refuseChangedSince,
  rolledBack,
} from './rollback-source.ts'

/*
 * Rollbacks: earlier versions of overrides, committed again.
 *
 * Invariants:
 *  1. A rollback is a change like any other: it is validated, admitted, guarded and recorded as a new version,
 *     and only the watcher announces it.
 *  2. A version is taken from the history of the document that the commit changes: the record below the new
 *     one is the newest that was read together with the version. If another one is there (a change in between,
 *     or a store that was restored), the history is read again.
 *  3. Several documents return together or not at all. With an expected version, none is changed when one of
 *     them was changed since, unless that document is as the rollback wants it.
 */

/** The number of times that a history is read again because of changes in between. */
const MAX_READS = 20

/** A rollback of one or more documents, each named once. */
export interface RollbackRequest {
  readonly targets: readonly RollbackTarget[]
  readonly expected?: ExpectedRevision | undefined
  readonly actor: Actor
  readonly comment: string
  /** True when the sender may read secrets. */
  readonly mayReadSecrets: boolean
  readonly dryRun: boolean
  /** Return to the state before the rollback unless it is confirmed within this many seconds. */
  readonly confirmWithin: number | undefined
  /** The last sentence of a refusal because of changes since. */
  readonly remedy: string
}

/** The change of overrides by the settings service. */
export type ChangeOverrides = (request: OverridesRequest) => Promise<TransactionResult['settings']>

/**
 * Returns documents to earlier versions, all or none.
 * @throws SettingsError VERSION_NOT_FOUND, VERSION_PRUNED, SETTING_NOT_FOUND, REVISION_MISMATCH, CONTENTION
 * after {@link MAX_READS} changes in between, and the errors of a change.
 */
export async function rollBack(
  backend: Backend,
  { targets, expected, remedy, ...request }: RollbackRequest,
  change: ChangeOverrides,
): Promise<TransactionResult['settings']> {
  for (let left = MAX_READS; ; left--) {
    const sources: RollbackSource[] = []
    for (const target of targets) sources.push(await readRollbackSource(backend, target))
    refuseChangedSince(sources, remedy)
    const moved = changedMeanwhile(targets)
    try {
      const edits = sources.map(source => editOf(source, expected, moved))
      return await change({ edits, ...request })
    } catch (error) {
      if (error !== moved || left <= 1) throw error
    }
  }
}

function editOf(
  source: RollbackSource,
  expected: ExpectedRevision | undefined,
  moved: SettingsError,
): OverridesEdit {
  const { namespace, scope, newest, data, ifVersion } = source
  return {
    namespace,
    scope,
    expected,
    // A document with a history is known, whether it has overrides now or not.
    mustBeKnown: data === undefined && newest === undefined,
    isRemoval: data === undefined,
    restored: data,
    make(base, before) {
      if (!isSameRecord(base.record, newest)) throw moved
      const next = rolledBack(source, before)
      // Only a dry run sees a manual edit before it is recorded.
      if (ifVersion !== undefined && !base.recorded && !equalJson(base.data, next)) throw moved
      return next
    },
  }
}

function changedMeanwhile(targets: readonly RollbackTarget[]): SettingsError {
  const names = targets.map(nameOf).join(', ')
  return new SettingsError(
    'CONTENTION',
    `Other changes of ${names} were committed during each of ${MAX_READS} attempts. Nothing was changed; retry.`,
  )
}
