import type { Settings, TransactionOperation } from '../../../events/nouns.ts'
import { isSettingsError } from '../../../model/errors.ts'
import { expectedRevisionIn, expectedRevisionOf } from '../../../model/expected-revision.ts'
import { equalJson, type JsonObject } from '../../../model/value.ts'
import type { Service } from '../service/service.ts'
import { digestOf, documentOf, type FolderDocument, type FolderRecord, fileOf } from './settings-folder.ts'

/** The action of `apply` on one document. `conflict`: the store differs from what the folder was written from. */
export type PlanAction = 'same' | 'create' | 'update' | 'delete' | 'conflict'

/** One document of a plan. */
export interface PlanStep {
  readonly namespace: string
  readonly scope: string
  /** Its file below the folder. */
  readonly file: string
  readonly action: PlanAction
  /** The overrides in the store; undefined without a document. */
  readonly live: JsonObject | undefined
  /** The overrides of the file; undefined without a file. */
  readonly desired: JsonObject | undefined
  /** The guard of the change, `<epoch>.<revision>`. */
  readonly revision: string
}

/**
 * The steps from the store to the folder: first its files, then the documents of the record whose file is
 * gone. With `force` nothing is a conflict.
 */
export async function planFolder(
  service: Service,
  documents: readonly FolderDocument[],
  record: FolderRecord | undefined,
  force: boolean,
): Promise<readonly PlanStep[]> {
  const steps: PlanStep[] = []
  const present = new Set(documents.map(fileOf))
  const gone = Object.keys(record?.files ?? {}).filter(file => !present.has(file))
  const places: readonly { namespace: string; scope: string; data?: JsonObject }[] = [
    ...documents,
    ...gone.flatMap(file => documentOf(file) ?? []),
  ]
  for (const { namespace, scope, data: desired } of places) {
    const file = fileOf({ namespace, scope })
    const { settings, revision } = await readLive(service, namespace, scope)
    const live = settings && settings.version > 0 && hasOverrides(settings) ? settings.overrides : undefined
    const action = actionOf(live, desired, record, file, force)
    steps.push({ namespace, scope, file, action, live, desired, revision })
  }
  return steps
}

/** The change of a step as an operation of a transaction; undefined for a step without one. */
export function operationOf({
  action,
  namespace,
  scope,
  desired,
  revision,
}: PlanStep): TransactionOperation[] {
  if (action === 'delete') return [{ namespace, scope, method: 'DELETE', revision }]
  if ((action !== 'create' && action !== 'update') || !desired) return []
  return [{ namespace, scope, method: 'PUT', data: desired, revision }]
}

function actionOf(
  live: JsonObject | undefined,
  desired: JsonObject | undefined,
  record: FolderRecord | undefined,
  file: string,
  force: boolean,
): PlanAction {
  if (live && desired && equalJson(live, desired)) return 'same'
  if (!live && !desired) return 'same'
  const known = record?.files[file]
  const isConflict = record !== undefined && live !== undefined && known !== digestOf(live)
  if (isConflict && !force) return 'conflict'
  return !desired ? 'delete' : live ? 'update' : 'create'
}

/** True with a stored document; a namespace that was never changed, or was deleted, has none. */
function hasOverrides({ overrides, updated_at }: Settings): boolean {
  return Object.keys(overrides).length > 0 || updated_at !== null
}

/** The settings of a namespace, undefined for an unknown one, and the guard of a change on top of them. */
async function readLive(
  service: Service,
  namespace: string,
  scope: string,
): Promise<{ readonly settings: Settings | undefined; readonly revision: string }> {
  try {
    const settings = await service.ask('kytos.settings.retrieve', { namespace, scope })
    return { settings, revision: expectedRevisionOf(settings) }
  } catch (error) {
    if (!isSettingsError(error, 'NAMESPACE_NOT_FOUND')) throw error
    return { settings: undefined, revision: expectedRevisionIn(error) }
  }
}
