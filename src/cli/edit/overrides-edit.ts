import type { Settings, TransactionOperation } from '../../../events/nouns.ts'
import { isSettingsError, SettingsError } from '../../../model/errors.ts'
import { expectedRevisionOf, unknownRevision } from '../../../model/expected-revision.ts'
import { printJson } from '../../../model/json.ts'
import { isArray, isObject, type Json, type JsonObject, setMember } from '../../../model/value.ts'
import type { Service } from '../service/service.ts'
import { type Path, pathsIn, printKey, valueAt } from '../terminal/key-path.ts'
import { confirmField } from './confirm-within.ts'
import { settingNotFound } from './setting-not-found.ts'

/** One change of overrides by a command. */
export interface KeyEdit {
  readonly namespace: string
  readonly scope: string
  readonly comment?: string | undefined
  /** Rejects the change unless the namespace is at this revision. */
  readonly ifRevision?: string | undefined
  readonly dryRun?: boolean | undefined
  /** The seconds within which the change has to be confirmed. */
  readonly confirmWithin?: number | undefined
  /** Accepts a namespace that the service does not know. */
  readonly isNew?: boolean | undefined
  /** In a transaction: overrides without a member are deleted instead of stored. */
  readonly dropsEmpty?: boolean | undefined
  readonly edit: (overrides: JsonObject, now: Settings) => JsonObject
}

export interface Changed {
  readonly before: Settings
  readonly after: Settings
}

/** Maximum number of attempts when another client changes the overrides first. */
const MAX_ATTEMPTS = 10

/**
 * Reads the overrides, changes them, and stores them under the revision that was read. A change by another
 * client in between causes a retry, unless the caller names the revision.
 * @throws SettingsError the error of `edit` or of the service.
 */
export async function changeOverrides(service: Service, change: KeyEdit): Promise<Changed> {
  const { namespace, scope, comment, ifRevision, dryRun = false, confirmWithin, edit } = change
  for (let left = MAX_ATTEMPTS; ; left--) {
    const before = await readSettings(service, change)
    const data = edit(before.overrides, before)
    try {
      const after = await service.ask('kytos.settings.update', {
        namespace,
        scope,
        data,
        method: 'PUT',
        revision: ifRevision ?? expectedRevisionOf(before),
        ...(comment !== undefined && { comment }),
        ...(dryRun && { dry_run: true }),
        ...confirmField(confirmWithin),
      })
      return { before, after }
    } catch (error) {
      if (!isSettingsError(error, 'REVISION_MISMATCH') || ifRevision !== undefined || left <= 1) throw error
    }
  }
}

/**
 * Changes several documents in one transaction, each as {@link changeOverrides} does: all or none. Their
 * comment and their time for a confirmation are those of the first change.
 * @throws SettingsError the error of an `edit` or of the service.
 */
export async function changeTogether(
  service: Service,
  changes: readonly KeyEdit[],
): Promise<readonly Changed[]> {
  const [{ comment, dryRun = false, confirmWithin } = {}] = changes
  for (let left = MAX_ATTEMPTS; ; left--) {
    const befores: Settings[] = []
    const operations: TransactionOperation[] = []
    for (const change of changes) {
      const before = await readSettings(service, change)
      const { namespace } = before
      const revision = change.ifRevision ?? expectedRevisionOf(before)
      befores.push(before)
      const data = change.edit(before.overrides, before)
      const isDropped = change.dropsEmpty && Object.keys(data).length === 0
      operations.push({
        ...{ namespace, scope: change.scope, revision },
        ...(isDropped ? { method: 'DELETE' } : { method: 'PUT', data }),
      })
    }
    try {
      const { settings } = await service.ask('kytos.settings.transaction', {
        operations,
        ...(comment !== undefined && { comment }),
        ...(dryRun && { dry_run: true }),
        ...confirmField(confirmWithin),
      })
      return settings.flatMap((after, i) => {
        const before = befores[i]
        return before ? [{ before, after }] : []
      })
    } catch (error) {
      const isGuarded = changes.some(({ ifRevision }) => ifRevision !== undefined)
      if (!isSettingsError(error, 'REVISION_MISMATCH') || isGuarded || left <= 1) throw error
    }
  }
}

/**
 * The overrides with a value at a path; missing objects on the path are created.
 * @throws SettingsError SETTINGS_INVALID when the path leads into a value other than an object.
 */
export function setAt(overrides: JsonObject, effective: JsonObject, path: Path, value: Json): JsonObject {
  for (let end = 1; end < path.length; end++) {
    const above = path.slice(0, end)
    const stored = valueAt(overrides, above)
    const around = stored === undefined ? valueAt(effective, above) : isArray(stored) ? undefined : stored
    if (around !== undefined && !isObject(around)) {
      const what = isArray(around) ? 'is an array without an override' : `is ${printJson(around)}`
      throw new SettingsError(
        'SETTINGS_INVALID',
        `${printKey(path)} cannot be set, because ${printKey(above)} ${what}: set ${printKey(above)} as a whole.`,
      )
    }
  }
  return setIn(overrides, path, value, []) as JsonObject // A path that is not empty leads into an object.
}

/**
 * The overrides without the value at a path, and without objects that this leaves empty.
 * @throws SettingsError SETTING_NOT_FOUND.
 */
export function unsetAt(namespace: string, scope: string, overrides: JsonObject, path: Path): JsonObject {
  if (valueAt(overrides, path) !== undefined && !isArray(valueAt(overrides, path.slice(0, -1))))
    return (removeAt(overrides, path) ?? {}) as JsonObject
  throw settingNotFound(namespace, path, pathsIn(overrides), `(scope ${scope}) has no override for`)
}

/**
 * The settings of a namespace in a scope; with `isNew` also of an unknown namespace.
 * @throws SettingsError NAMESPACE_NOT_FOUND without it.
 */
export async function readSettings(
  service: Service,
  { namespace, scope, isNew = false }: Pick<KeyEdit, 'namespace' | 'scope' | 'isNew'>,
): Promise<Settings> {
  try {
    return await service.ask('kytos.settings.retrieve', { namespace, scope })
  } catch (error) {
    if (!isSettingsError(error, 'NAMESPACE_NOT_FOUND')) throw error
    if (!isNew)
      throw new SettingsError(error.code, `${error.message} "--new" accepts a NApp that is not known yet.`, {
        cause: error,
        details: error.details,
      })
    return {
      namespace,
      data: {},
      overrides: {},
      ...unknownRevision(error.details),
      version: 0,
      state: 'READY',
      updated_at: null,
      updated_by: null,
      schema: false,
    }
  }
}

function setIn(container: Json | undefined, path: Path, value: Json, above: Path): Json {
  const [key, ...rest] = path
  if (key === undefined) return value
  const here = [...above, key]
  if (isArray(container)) {
    const place = Number(key)
    if (!/^(?:0|[1-9]\d*)$/.test(key) || place >= container.length) {
      throw new SettingsError(
        'SETTINGS_INVALID',
        `${printKey(here)} does not exist: ${printKey(above)} is an array of ${container.length}. Set ${printKey(above)} as a whole.`,
      )
    }
    return container.with(place, setIn(container[place], rest, value, here))
  }
  const around = isObject(container) ? container : {}
  const copy: JsonObject = {}
  for (const [name, member] of Object.entries(around)) setMember(copy, name, member)
  setMember(copy, key, setIn(Object.hasOwn(around, key) ? around[key] : undefined, rest, value, here))
  return copy
}

function removeAt(container: Json | undefined, [key = '', ...rest]: Path): Json | undefined {
  if (!isObject(container)) return container
  const copy: JsonObject = {}
  for (const [name, member] of Object.entries(container)) {
    const kept = name !== key ? member : rest.length === 0 ? undefined : removeAt(member, rest)
    if (kept !== undefined) setMember(copy, name, kept)
  }
  return Object.keys(copy).length === 0 ? undefined : copy
}
