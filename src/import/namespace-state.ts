import type { Description, Settings } from '../../events/nouns.ts'
import { isSettingsError } from '../../model/errors.ts'
import { expectedRevisionIn, expectedRevisionOf } from '../../model/expected-revision.ts'
import { isObject, type Json, type JsonObject, setMember } from '../../model/value.ts'
import type { Ask } from './ask.ts'

/** What a service has of a namespace, or would have after a planned import. */
export interface NamespaceState {
  /** The guard of a change on top of it, with the epoch of the store. */
  readonly revision: string
  /** The stored overrides of the cluster. */
  readonly overrides: JsonObject
  readonly schema: JsonObject | undefined
  /** The schema that the service has now. */
  readonly serviceSchema: JsonObject | undefined
  /** What the NApp shipped beside its schema: the layer between the defaults and the overrides. */
  readonly seed: JsonObject
  /** The settings that a layer above the overrides of the cluster hides on this controller, with the layer. */
  readonly hidden: ReadonlyMap<string, string>
}

/** @throws SettingsError the error of the service. */
export async function readNamespace(ask: Ask, namespace: string): Promise<NamespaceState> {
  const { settings, revision } = await readSettings(ask, namespace)
  const described: Description | undefined = settings?.schema
    ? await unlessUnknown(ask('kytos.settings.describe', { namespace }))
    : undefined
  const seed: JsonObject = {}
  const hidden = new Map<string, string>()
  for (const [pointer, leaf] of Object.entries(settings?.explain ?? {})) {
    const keys = keysOf(pointer)
    if (leaf.layer === 'controller' || leaf.layer === 'environment') hidden.set(keys[0] ?? '', leaf.layer)
    for (const { layer, value, pointer: place } of [{ ...leaf, pointer }, ...leaf.shadowed])
      if (layer === 'seed') setAt(seed, place === undefined ? keys : keysOf(place), value)
  }
  const overrides = settings?.overrides ?? {}
  const schema = described?.schema
  return { revision, overrides, schema, serviceSchema: schema, seed, hidden }
}

/** The settings of a namespace, undefined for an unknown one, and the guard of a change on top of them. */
async function readSettings(
  ask: Ask,
  namespace: string,
): Promise<{ readonly settings: Settings | undefined; readonly revision: string }> {
  try {
    const settings = await ask('kytos.settings.retrieve', { namespace, explain: true })
    return { settings, revision: expectedRevisionOf(settings) }
  } catch (error) {
    if (!isSettingsError(error, 'NAMESPACE_NOT_FOUND')) throw error
    return { settings: undefined, revision: expectedRevisionIn(error) }
  }
}

async function unlessUnknown<Answer>(answer: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await answer
  } catch (error) {
    if (isSettingsError(error, 'NAMESPACE_NOT_FOUND')) return undefined
    throw error
  }
}

function keysOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map(token => token.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function setAt(target: JsonObject, keys: readonly string[], value: Json): void {
  let at = target
  for (const key of keys.slice(0, -1)) {
    const next = Object.hasOwn(at, key) ? at[key] : undefined
    const member: JsonObject = isObject(next) ? next : {}
    setMember(at, key, member)
    at = member
  }
  const last = keys.at(-1)
  if (last !== undefined) setMember(at, last, value)
}
