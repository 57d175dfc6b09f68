import type { Description, Settings } from '../../events/nouns.ts'
import { isSettingsError } from '../../model/errors.ts'
import { printJson } from '../../model/json.ts'
import { mergeLayers } from '../../model/merge.ts'
import {
  equalJson,
  isObject,
  type Json,
  type JsonObject,
  pointerToken,
  setMember,
} from '../../model/value.ts'
import { defaultsOf } from '../schema/defaults.ts'
import { compileSchema } from '../schema/validator.ts'
import type { Ask } from './ask.ts'
import { holdsSecret } from './python/data.ts'
import { type ReportItem, showBriefly } from './report.ts'
import type { ReadSetting } from './settings-py.ts'
import type { SettingsSource } from './source.ts'

/*
 * What an import would do to one namespace. Invariants: a stored override is replaced only with `overwrite`;
 * what the namespace's defaults say already is stored by nobody; what would not validate is left out, and the
 * rest is not; done again, nothing is left to do.
 */

export interface SettingsPlan {
  /** The schema to register first: the inferred one, or the one there with what is new in the file. */
  readonly register: JsonObject | undefined
  /** A JSON Patch of the overrides of the cluster; empty when there is nothing to change. */
  readonly patch: readonly JsonObject[]
  /** Lines of the file that the patch is from. */
  readonly lines: readonly number[]
  /** What the patch is guarded by; undefined for a namespace that is not there yet. */
  readonly revision: string | undefined
  readonly items: readonly ReportItem[]
}

interface Standing {
  readonly settings: Settings | undefined
  readonly schema: JsonObject | undefined
}

/** Compares what a file says with what the service has. @throws SettingsError what the service answers. */
export async function planSettings(
  ask: Ask,
  source: SettingsSource,
  overwrite: boolean,
): Promise<SettingsPlan> {
  const { settings, schema } = await look(ask, source.namespace)
  const overrides = settings?.overrides ?? {}
  const register = schemaToRegister(source, schema)
  const inForce = register ?? schema
  const defaults = inForce ? defaultsOf(inForce) : {}
  const before = schema ? defaultsOf(schema) : {}
  const unfit = register && !schema ? unfitting(register, mergeLayers([defaults, overrides])) : undefined
  if (unfit !== undefined)
    return nothing(
      source,
      settings,
      `the stored overrides do not match the schema inferred from the file: ${unfit}`,
    )

  const decisions = source.settings.map(setting =>
    decide(setting, { overrides, defaults, before, inForce, overwrite }),
  )
  const invalid = inForce
    ? brokenNames(inForce, mergeLayers([defaults, overrides, ...decisions.map(({ put }) => put ?? {})]))
    : new Map<string, string>()
  const items: ReportItem[] = []
  const patch: JsonObject[] = []
  const lines: number[] = []
  for (const [i, { put, ...decision }] of decisions.entries()) {
    const setting = source.settings[i]
    if (!setting) continue
    const about = {
      kind: 'setting',
      file: source.file,
      namespace: source.namespace,
      name: setting.name,
      line: setting.line,
    } as const
    const wrong = put ? invalid.get(setting.name) : undefined
    if (wrong !== undefined) items.push({ ...about, action: 'skipped', reason: wrong })
    else {
      items.push({ ...about, ...decision })
      if (put) patch.push({ op: 'add', path: pointerToken(setting.name), value: put[setting.name] ?? null })
      if (put) lines.push(setting.line)
    }
  }
  return { register, patch, lines, revision: settings?.revision, items }
}

async function look(ask: Ask, namespace: string): Promise<Standing> {
  const settings = await unlessUnknown(ask('kytos.settings.retrieve', { namespace }))
  const described: Description | undefined = settings?.schema
    ? await unlessUnknown(ask('kytos.settings.describe', { namespace }))
    : undefined
  return { settings, schema: described?.schema }
}

async function unlessUnknown<Answer>(answer: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await answer
  } catch (error) {
    if (isSettingsError(error, 'NAMESPACE_NOT_FOUND')) return undefined
    throw error
  }
}

/** A schema that was inferred from such a file grows with it; any other one is its NApp's own. */
function schemaToRegister(source: SettingsSource, schema: JsonObject | undefined): JsonObject | undefined {
  if (!schema || !source.schema)
    return source.schema && source.settings.length > 0 ? source.schema : undefined
  const [known, said] = [schema.properties, source.schema.properties]
  if (schema['x-inferred-from'] !== source.schema['x-inferred-from'] || !isObject(known) || !isObject(said))
    return undefined
  const grown: JsonObject = { ...known }
  for (const [name, property] of Object.entries(said))
    if (!Object.hasOwn(known, name)) setMember(grown, name, property)
  return Object.keys(grown).length > Object.keys(known).length ? { ...schema, properties: grown } : undefined
}

interface Ground {
  readonly overrides: JsonObject
  readonly defaults: JsonObject
  /** The defaults as they are now. */
  readonly before: JsonObject
  readonly inForce: JsonObject | undefined
  readonly overwrite: boolean
}

type Decision = Pick<ReportItem, 'action' | 'layer' | 'reason' | 'old' | 'new'> & {
  readonly put?: JsonObject
}

function decide(
  { name, value }: ReadSetting,
  { overrides, defaults, before, inForce, overwrite }: Ground,
): Decision {
  const preset = own(defaults, name)
  const stored = own(overrides, name)
  const sensitive = isSecret(inForce, name)
  const shown = (old: Json | undefined): Pick<ReportItem, 'old' | 'new'> =>
    sensitive ? {} : { ...(old !== undefined && { old }), new: value }
  const current = over(preset, stored)
  if (equalJson(current, value)) {
    const isNew = stored === undefined && own(before, name) === undefined && preset !== undefined
    return isNew
      ? { action: 'new', layer: 'default', ...shown(undefined) }
      : { action: 'same', layer: stored === undefined ? 'default' : 'override' }
  }
  if (stored !== undefined && !overwrite) {
    const sealed = printJson(stored).includes('"$sealed"')
    const said =
      current === undefined || sensitive
        ? 'another value is already stored'
        : `${showBriefly(current)} is already stored`
    return {
      action: 'skipped',
      reason: `${sealed ? 'a secret (hidden) is already stored' : said}; --overwrite replaces it`,
      ...shown(current),
    }
  }
  const change = isObject(preset) && isObject(value) ? beyond(preset, value) : value
  const put: JsonObject = {}
  setMember(put, name, change)
  const stays =
    isObject(preset) && isObject(value) ? Object.keys(preset).filter(key => !Object.hasOwn(value, key)) : []
  return {
    action: stored === undefined ? 'new' : 'changed',
    layer: 'override',
    put,
    ...shown(current),
    ...(stays.length > 0 && {
      reason: `its default also has ${stays.join(', ')}, which an override cannot remove`,
    }),
  }
}

/** The members of a value that are not as the default has them. */
function beyond(preset: JsonObject, value: JsonObject): JsonObject {
  const rest: JsonObject = {}
  for (const [key, member] of Object.entries(value)) {
    const below = own(preset, key)
    if (equalJson(below, member)) continue
    setMember(rest, key, isObject(below) && isObject(member) ? beyond(below, member) : member)
  }
  return rest
}

function over(low: Json | undefined, high: Json | undefined): Json | undefined {
  if (high === undefined) return low
  return isObject(low) && isObject(high) ? mergeLayers([low, high]) : high
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

function unfitting(schema: JsonObject, data: JsonObject): string | undefined {
  const broken = compileSchema(schema)(data)
  return broken.length > 0 ? broken.map(({ message }) => message).join(' ') : undefined
}

function nothing(
  { file, namespace, settings }: SettingsSource,
  { revision }: { readonly revision?: string } = {},
  reason: string,
): SettingsPlan {
  const items = settings.map(
    ({ name, line }): ReportItem => ({
      kind: 'setting',
      action: 'skipped',
      file,
      namespace,
      name,
      line,
      reason,
    }),
  )
  return { register: undefined, patch: [], lines: [], revision, items }
}

function isSecret(schema: JsonObject | undefined, name: string): boolean {
  const properties = schema?.properties
  return isObject(properties) && holdsSecret(own(properties, name) ?? null)
}

function own(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined
}
