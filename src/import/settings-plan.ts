import { mergeLayers } from '../../model/merge.ts'
import { equalJson, isObject, type JsonObject, pointerToken, setMember } from '../../model/value.ts'
import { defaultsOf } from '../schema/defaults.ts'
import { compileSchema } from '../schema/validator.ts'
import { type Decision, type DecisionContext, decideSetting, over } from './decision.ts'
import {
  growSchema,
  isInferredAlike,
  propertyOf,
  retyped,
  withNewMode,
  withoutDefault,
  withProperties,
} from './inferred-schema.ts'
import type { NamespaceState } from './namespace-state.ts'
import { statedTypes } from './python/types.ts'
import type { ReportItem } from './report.ts'
import type { ReadSetting } from './settings-py.ts'
import type { SettingsSource } from './source.ts'

/*
 * The effect that an import has on one namespace. Invariants:
 * 1. A stored override is replaced only with `overwrite`.
 * 2. A value that the namespace has by default is not stored.
 * 3. A value that would not validate is left out, and the rest is not.
 * 4. A setting that is reported as new, changed or same has the value of the file afterwards, at any depth, unless
 *    the report names the layer that hides it. Layers merge objects, so an override that must remove a member of a
 *    default replaces it: the schema, where an import inferred it, gives up the default. A NApp's own schema stays.
 * 5. The override is stored before the default goes, so that the setting always has a value. After a stop between
 *    the two, the same import completes it.
 * 6. Repeated, there is nothing left to do.
 */

export interface SettingsPlan {
  /** The schema to register before the patch: the inferred one, or the stored one with new settings of the file. */
  readonly register: JsonObject | undefined
  /** A JSON Patch of the overrides of the cluster; empty when there is nothing to change. */
  readonly patch: readonly JsonObject[]
  /** The setting of each operation of the patch. */
  readonly names: readonly string[]
  /** The settings that the stored schema describes; all of the file's when there is none, or it was not inferred. */
  readonly known: ReadonlySet<string>
  /** Lines of the file that the patch is from. */
  readonly lines: readonly number[]
  /** The schema to register after the patch: without the defaults that it replaces, with changed Python types. */
  readonly registerAfter: JsonObject | undefined
  /** The revision that the patch expects. */
  readonly revision: string
  readonly items: readonly ReportItem[]
  /** The namespace as it would be. */
  readonly after: NamespaceState
}

/** Settings that a service refused, each with its reason. */
export type Refusals = ReadonlyMap<string, string>

/** Compares a file with a namespace. */
export function planSettings(
  state: NamespaceState,
  source: SettingsSource,
  overwrite: boolean,
  refusals: Refusals = new Map(),
): SettingsPlan {
  const { overrides, schema } = state
  const register = schemaToRegister(source, state)
  const used = register ?? schema
  const below = mergeLayers([used ? defaultsOf(used) : {}, state.seed])
  const unfit = register && !schema ? brokenNames(register, mergeLayers([below, overrides])) : undefined
  if (unfit && unfit.size > 0) {
    const reason = `the stored overrides do not match the schema inferred from the file: ${[...unfit.values()].join(' ')}`
    return refuseAll(source, state, reason)
  }
  const context: DecisionContext = {
    overrides,
    below,
    before: mergeLayers([schema ? defaultsOf(schema) : {}, state.seed]),
    seed: state.seed,
    schema: used,
    isOwnSchema: isInferredAlike(used, source.schema),
    isOverrides: source.isOverrides === true,
    overwrite,
  }
  const decisions = new Map(
    source.settings.map(setting => [
      setting,
      decideSetting(setting, statedTypes(propertyOf(source.schema, setting.name), setting.value), context),
    ]),
  )
  const invalid = used ? brokenNames(used, resultOf(below, overrides, decisions)) : new Map<string, string>()
  const kept = new Map(
    [...decisions].filter(
      ([{ name }, { put }]) => put === undefined || !(invalid.has(name) || refusals.has(name)),
    ),
  )
  const puts = [...kept].flatMap(([{ name, line }, { put }]) =>
    put === undefined ? [] : [{ name, line, put }],
  )
  const registerAfter = used && schemaAfter(used, kept, context.isOwnSchema ? source.schema : undefined)
  const stored: JsonObject = { ...overrides }
  for (const { name, put } of puts) setMember(stored, name, put)
  const after: NamespaceState = { ...state, overrides: stored, schema: registerAfter ?? used }
  return {
    register,
    patch: puts.map(({ name, put }) => ({ op: 'add', path: pointerToken(name), value: put })),
    names: puts.map(({ name }) => name),
    known: new Set(
      source.settings.map(({ name }) => name).filter(name => isKnown(state.serviceSchema, name)),
    ),

    lines: puts.map(({ line }) => line),
    registerAfter,
    revision: state.revision,
    after,
    items: [...decisions].map(([setting, { item, put }]) => {
      const wrong = put === undefined ? undefined : (invalid.get(setting.name) ?? refusals.get(setting.name))
      if (wrong !== undefined) return skip({ ...about(source, setting), ...item }, wrong)
      return { ...about(source, setting), ...noteHidden(item, state.hidden.get(setting.name)) }
    }),
  }
}

/** A schema that was inferred from such a file grows with it; any other one is its NApp's own. */
function schemaToRegister(
  source: SettingsSource,
  { schema, overrides }: NamespaceState,
): JsonObject | undefined {
  if (!source.schema || source.settings.length === 0) return undefined
  if (schema && !isInferredAlike(schema, source.schema)) return undefined
  const grown = schema ? growSchema(schema, source.schema) : source.schema
  if (!grown) return undefined
  // A default must not add members to an override that is stored already.
  const mixed = new Map<string, JsonObject>()
  for (const [name, stored] of Object.entries(overrides)) {
    const property = propertyOf(schema, name) ? undefined : propertyOf(grown, name)
    if (property && !equalJson(over(property.default, stored), stored))
      mixed.set(name, withoutDefault(property))
  }
  return withProperties(grown, mixed)
}

/** The schema without dropped defaults, with new types and modes; undefined when it is as it must be. */
function schemaAfter(
  schema: JsonObject,
  kept: ReadonlyMap<ReadSetting, Decision>,
  read: JsonObject | undefined,
): JsonObject | undefined {
  const changed = new Map<string, JsonObject>()
  for (const name of Object.keys(isObject(read?.properties) ? read.properties : {})) {
    const known = propertyOf(schema, name)
    const next = known && withNewMode(known, propertyOf(read, name))
    if (next) changed.set(name, next)
  }
  for (const [{ name }, { dropsDefault = false, types }] of kept) {
    const property = changed.get(name) ?? propertyOf(schema, name)
    if (!property || !(dropsDefault || types)) continue
    const left = dropsDefault ? withoutDefault(property) : property
    changed.set(name, types ? retyped(left, types) : left)
  }
  return changed.size > 0 ? withProperties(schema, changed) : undefined
}

/** The settings as they would be. */
function resultOf(
  below: JsonObject,
  overrides: JsonObject,
  decisions: ReadonlyMap<ReadSetting, Decision>,
): JsonObject {
  const result: JsonObject = { ...mergeLayers([below, overrides]) }
  for (const [{ name }, { result: value }] of decisions)
    if (value !== undefined) setMember(result, name, value)
  return result
}

/** The names of settings that would not validate, each with what is wrong. */
function brokenNames(schema: JsonObject, data: JsonObject): ReadonlyMap<string, string> {
  const broken = new Map<string, string>()
  for (const { pointer, message } of compileSchema(schema)(data)) {
    const name = (pointer.split('/')[1] ?? '').replaceAll('~1', '/').replaceAll('~0', '~')
    broken.set(name, [broken.get(name), message].filter(Boolean).join(' '))
  }
  return broken
}

function noteHidden(item: Decision['item'], layer: string | undefined): Decision['item'] {
  if (layer === undefined || item.action === 'skipped') return item
  const hides = `the layer "${layer}" of this controller hides it`
  return { ...item, reason: item.reason === undefined ? hides : `${item.reason}; ${hides}` }
}

/** True when a service with this schema can judge the setting. */
function isKnown(schema: JsonObject | undefined, name: string): boolean {
  return schema?.additionalProperties !== false || propertyOf(schema, name) !== undefined
}

/** The report of a setting that is left out after all. */
export function skip({ layer: _, ...item }: ReportItem, reason: string): ReportItem {
  return { ...item, action: 'skipped', reason }
}

function refuseAll(source: SettingsSource, state: NamespaceState, reason: string): SettingsPlan {
  const items = source.settings.map(
    (setting): ReportItem => ({ ...about(source, setting), action: 'skipped', reason }),
  )
  return {
    register: undefined,
    patch: [],
    names: [],
    known: new Set(),
    lines: [],
    registerAfter: undefined,
    revision: state.revision,
    items,
    after: state,
  }
}

function about({ file, namespace }: SettingsSource, { name, line }: ReadSetting) {
  return { kind: 'setting', file, namespace, name, line } as const
}
