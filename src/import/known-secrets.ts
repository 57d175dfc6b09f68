import { SettingsError } from '../../model/errors.ts'
import {
  equalJson,
  isArray,
  isObject,
  isSealed,
  type Json,
  type JsonObject,
  setMember,
} from '../../model/value.ts'
import type { Ask } from './ask.ts'
import { type NamespaceState, readNamespace } from './namespace-state.ts'
import type { SettingsSource } from './source.ts'

/**
 * The state of the namespace of a source. A stored secret is in plain text where the source has the same value:
 * a dry run shows the tags that the values of the source would have.
 * @throws SettingsError the error of the service.
 */
export async function readWithSecrets(ask: Ask, source: SettingsSource): Promise<NamespaceState> {
  const { namespace, settings } = source
  const state = await readNamespace(ask, namespace)
  const wanted: JsonObject = {}
  for (const { name, value } of settings)
    if (Object.hasOwn(state.overrides, name) && hasSealed(state.overrides[name] ?? null))
      setMember(wanted, name, value)
  if (Object.keys(wanted).length === 0) return state
  const shown = await tagsOf(ask, namespace, wanted)
  // An object stays one.
  return shown ? { ...state, overrides: withEqual(state.overrides, shown, wanted) as JsonObject } : state
}

/** The overrides of a namespace with these values set; undefined when the service refuses them. */
async function tagsOf(ask: Ask, namespace: string, data: JsonObject): Promise<JsonObject | undefined> {
  try {
    return (await ask('kytos.settings.update', { namespace, data, dry_run: true })).overrides
  } catch (error) {
    if (error instanceof SettingsError && !error.retryable) return undefined
    throw error
  }
}

/** A stored value with the secrets of `wanted` whose tags, in `shown`, equal the stored ones. */
function withEqual(stored: Json, shown: Json | undefined, wanted: Json | undefined): Json {
  if (wanted === undefined || shown === undefined) return stored
  if (isSealed(stored)) return equalJson(stored, shown) ? wanted : stored
  if (isArray(stored))
    return isArray(shown) && isArray(wanted) && shown.length === stored.length
      ? stored.map((item, i) => withEqual(item, shown[i], wanted[i]))
      : stored
  if (!isObject(stored) || !isObject(shown) || !isObject(wanted)) return stored
  const result: JsonObject = {}
  for (const [key, member] of Object.entries(stored))
    setMember(
      result,
      key,
      withEqual(
        member,
        Object.hasOwn(shown, key) ? shown[key] : undefined,
        Object.hasOwn(wanted, key) ? wanted[key] : undefined,
      ),
    )
  return result
}

function hasSealed(value: Json): boolean {
  if (isSealed(value)) return true
  if (isArray(value)) return value.some(hasSealed)
  return isObject(value) && Object.values(value).some(hasSealed)
}
