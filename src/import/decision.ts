import { printJson } from '../../model/json.ts'
import { mergeLayers } from '../../model/merge.ts'
import { equalJson, isObject, type Json, type JsonObject, setMember } from '../../model/value.ts'
import { propertyOf } from './inferred-schema.ts'
import { holdsSecret } from './python/data.ts'
import { describeTypes, equalTypes, type PythonTypes, statedTypes } from './python/types.ts'
import { type ReportItem, showBriefly } from './report.ts'
import type { ReadSetting } from './settings-py.ts'

/** What one setting of a file is decided on. */
export interface DecisionContext {
  /** The stored overrides of the cluster. */
  readonly overrides: JsonObject
  /** What applies without them, once the schema is registered: its defaults and the seed. */
  readonly below: JsonObject
  /** The same, as it is before. */
  readonly before: JsonObject
  /** The settings that the NApp seeds. */
  readonly seed: JsonObject
  readonly schema: JsonObject | undefined
  /** The schema is the import's own, so that it may give up a default and state other types. */
  readonly isOwnSchema: boolean
  /** The file has overrides, which merge with what is below them; otherwise it has whole values. */
  readonly isOverrides: boolean
  readonly overwrite: boolean
}

export interface Decision {
  readonly item: Pick<ReportItem, 'action' | 'layer' | 'reason' | 'old' | 'new'>
  /** The override to store. */
  readonly put?: Json
  /** The value that is in force afterwards. */
  readonly result: Json | undefined
  /** The default must go from the schema, because it has members that an override cannot remove. */
  readonly dropsDefault?: boolean
  /** The Python types that the schema must state. */
  readonly types?: PythonTypes
}

/** Decides what becomes of one setting of a file. */
export function decideSetting(
  { name, value }: ReadSetting,
  types: PythonTypes,
  context: DecisionContext,
): Decision {
  const [below, stored] = [ownMember(context.below, name), ownMember(context.overrides, name)]
  const current = over(below, stored)
  const wanted = context.isOverrides ? (over(below, value) ?? value) : value
  const sensitive = isSecret(context.schema, name)
  const shown = (old: Json | undefined): Pick<ReportItem, 'old' | 'new'> =>
    sensitive ? {} : { ...(old !== undefined && { old }), new: wanted }
  if (equalJson(current, wanted)) {
    const layer = stored === undefined ? 'default' : 'override'
    const isNew = stored === undefined && ownMember(context.before, name) === undefined
    if (isNew) return { item: { action: 'new', layer, ...shown(undefined) }, result: wanted }
    const change = typeChange(name, wanted, types, context)
    if (!change) return { item: { action: 'same', layer }, result: wanted }
    return { item: { action: 'changed', layer, ...shown(wanted), reason: change }, result: wanted, types }
  }
  const isStored = stored !== undefined && equalJson(stored, value)
  if (stored !== undefined && !isStored && !context.overwrite)
    return {
      item: { action: 'skipped', reason: alreadyStored(stored, current, sensitive), ...shown(current) },
      result: current,
    }
  const action = stored === undefined ? 'new' : 'changed'
  const put = context.isOverrides ? value : smallest(below, value)
  if (equalJson(over(below, put), wanted))
    return {
      item: { action, layer: 'override', ...shown(current) },
      put,
      result: wanted,
      ...withChange(name, wanted, types, context),
    }
  const kept = keptMembers(below, value).slice(0, 5).join(', ')
  if (!context.isOwnSchema || isObject(ownMember(context.seed, name)))
    return {
      item: {
        action: 'skipped',
        reason: `the NApp's own default has ${kept}, which an override cannot remove; set the members that differ`,
        ...shown(current),
      },
      result: current,
    }
  const reason = `it replaces the whole default, which has ${kept}`
  return {
    item: { action, layer: 'override', reason, ...shown(current) },
    ...(!isStored && { put: value }),
    result: wanted,
    dropsDefault: true,
    ...withChange(name, wanted, types, context),
  }
}

/** A higher value laid over a lower one, as layers merge. */
export function over(low: Json | undefined, high: Json | undefined): Json | undefined {
  if (high === undefined) return low
  return isObject(low) && isObject(high) ? mergeLayers([low, high]) : high
}

export function ownMember(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined
}

export function isSecret(schema: JsonObject | undefined, name: string): boolean {
  return holdsSecret(propertyOf(schema, name) ?? null)
}

function withChange(
  name: string,
  value: Json,
  types: PythonTypes,
  context: DecisionContext,
): Pick<Decision, 'types'> {
  return typeChange(name, value, types, context) === undefined ? {} : { types }
}

/** How the Python types differ from those that the schema states; undefined when they do not. */
function typeChange(
  name: string,
  value: Json,
  types: PythonTypes,
  context: DecisionContext,
): string | undefined {
  if (!context.isOwnSchema || context.isOverrides) return undefined
  const stated = statedTypes(propertyOf(context.schema, name), value)
  return equalTypes(stated, types) ? undefined : describeTypes(stated, types, value)
}

function alreadyStored(stored: Json, current: Json | undefined, sensitive: boolean): string {
  const sealed = printJson(stored).includes('"$sealed"')
  const found =
    current === undefined || sensitive
      ? 'another value is already stored'
      : `${showBriefly(current)} is already stored`
  return `${sealed ? 'a secret (hidden) is already stored' : found}; --overwrite replaces it`
}

/** The override that makes `value` of what is below it, without the members that are the same there. */
function smallest(below: Json | undefined, value: Json): Json {
  if (!isObject(below) || !isObject(value)) return value
  const rest: JsonObject = {}
  for (const [key, member] of Object.entries(value)) {
    const lower = ownMember(below, key)
    if (!equalJson(lower, member)) setMember(rest, key, smallest(lower, member))
  }
  return Object.keys(rest).length > 0 ? rest : value
}

/** The members below, at any depth, that `value` does not have. */
function keptMembers(below: Json | undefined, value: Json, place = ''): string[] {
  if (!isObject(below) || !isObject(value)) return []
  return Object.entries(below).flatMap(([key, member]) => {
    const name = place === '' ? key : `${place}.${key}`
    return Object.hasOwn(value, key) ? keptMembers(member, value[key] ?? null, name) : [name]
  })
}
