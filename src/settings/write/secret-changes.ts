import type { RuleBroken } from '../../../events/changes.ts'
import { SettingsError } from '../../../model/errors.ts'
import type { Namespace } from '../../../model/namespace.ts'
import { isArray, isObject, isSealed, type Json, type JsonObject } from '../../../model/value.ts'
import { secretNotFound } from '../../secrets/sealed-texts.ts'
import type { Secrets } from '../../secrets/secrets.ts'
import { LEFT_OUT, mapSecrets, mapSecretsAt, type PlaceSchemas } from '../../secrets/sensitive-places.ts'
import type { Cache } from '../../watcher/cache.ts'

/*
 * The secrets in a change of overrides.
 *
 * Invariants:
 *  1. A tag stands for a secret that this namespace has at the same place, in whatever scope, or had in the
 *     version that a rollback returns to. Any other tag refuses the change, so that no secret is moved to another place, or named without having been read.
 *  2. No answer depends on the value of a stored secret: it is compared with nothing that a caller sends.
 */

/** The overrides of a change, with sealed texts that the caller sent replaced by their tags. */
export function admitTags(
  secrets: Secrets,
  cache: Cache,
  {
    namespace,
    known: overrides,
    next,
  }: {
    readonly namespace: Namespace
    /** Overrides of the document, whose tags are known in addition to those that are stored. */
    readonly known: readonly JsonObject[]
    readonly next: JsonObject
  },
): JsonObject {
  let known: ReadonlySet<string> | undefined
  return mapSecrets(next, secrets.placesOf(namespace), (value, place, isSensitive) => {
    if (!isSealed(value)) {
      if (isSensitive && isObject(value) && Object.hasOwn(value, '$sealed')) throw mixed(namespace, place)
      return undefined
    }
    known ??= knownTags(namespace, overrides, cache)
    const tag = value.$sealed.includes('.')
      ? secrets.tagOfSealed(value.$sealed, { namespace, place })
      : value.$sealed
    if (tag === undefined) throw unusable(namespace, place)
    const isKnown = known.has(`${place} ${tag}`) || tag !== value.$sealed
    if (!isKnown) throw isSensitive ? secretNotFound(namespace, place) : misplaced(namespace, place)
    return tag === value.$sealed ? undefined : { $sealed: tag }
  })
}

/** The tags that a change of a namespace may send, each with its place. */
function knownTags(
  namespace: Namespace,
  overrides: readonly JsonObject[],
  cache: Cache,
): ReadonlySet<string> {
  const known = new Set<string>()
  const stored = [...cache.documentsOf(namespace)].flatMap(({ data }) => (data ? [data] : []))
  for (const data of [...overrides, cache.effective(namespace), ...stored])
    mapSecrets(cache.protect(namespace, data), NOWHERE, (value, place) => {
      if (isSealed(value)) known.add(`${place} ${value.$sealed}`)
      return undefined
    })
  return known
}

const NOWHERE: PlaceSchemas = {
  isSensitive: false,
  member: () => NOWHERE,
  get item() {
    return NOWHERE
  },
}

/**
 * The rules that a change breaks, without the secrets that it sets: neither as a value nor in a message.
 */
export function withoutSecretsInRules(
  secrets: Secrets,
  namespace: Namespace,
  next: JsonObject,
  rules: readonly RuleBroken[],
): readonly RuleBroken[] {
  if (rules.length === 0 || !secrets.hasPlain(namespace, next)) return rules
  return rules.map(rule => {
    const { got, nearest: _, ...rest } = rule
    const isPlain = !secrets.isSecretAt(namespace, rule.pointer)
    // A scalar elsewhere is no secret. An object or an array may have one.
    if (isPlain && (got === undefined || !(isObject(got) || isArray(got)))) return rule
    const message = `"${rule.pointer || '/'}" does not match the rule "${rule.rule}" of the schema.`
    return { ...rest, message }
  })
}

/**
 * A JSON Patch whose `test` operations compare no secret: they are refused without the permission, and
 * compared by tag with it.
 * @throws SettingsError PERMISSION_DENIED.
 */
export function guardTests(
  secrets: Secrets,
  namespace: string,
  patch: Json | undefined,
  mayRead: boolean,
): Json | undefined {
  if (!isArray(patch) || !secrets.isMarked(namespace)) return patch
  return patch.map(operation => {
    if (!isObject(operation) || operation.op !== 'test' || typeof operation.path !== 'string')
      return operation
    const { path, value = null } = operation
    const at = secrets.placeAt(namespace, path)
    let isSecret = at.schemas.isSensitive || at.isInside
    const shown = mapSecretsAt(value, at.place, at.schemas, (one, _, isSensitive) => {
      if (isSensitive || isSealed(one)) isSecret = true
      return undefined
    })
    if (!isSecret) return operation
    if (!mayRead) throw testRefused(path)
    return { ...operation, value: shown === LEFT_OUT ? null : secrets.protectAt(namespace, path, value) }
  })
}

function mixed(namespace: Namespace, place: string): SettingsError {
  return new SettingsError(
    'SECRET_MISPLACED',
    `"${place}" of "${namespace}" is one secret: "$sealed" cannot be beside other members. Send the whole value, or the tag alone.`,
    { details: { namespace, pointer: place } },
  )
}

function misplaced(namespace: Namespace, place: string): SettingsError {
  return new SettingsError(
    'SECRET_MISPLACED',
    `"${place}" of "${namespace}" is not sensitive, so no secret can be copied or moved there. Mark it with "x-sensitive": true in the schema, or send another value.`,
    { details: { namespace, pointer: place } },
  )
}

function unusable(namespace: Namespace, place: string): SettingsError {
  return new SettingsError(
    'SECRET_NOT_FOUND',
    `The sealed value for "${place}" of "${namespace}" cannot be used: it was damaged, sealed for another place, or with a key that this controller does not have. Send the value itself.`,
    { details: { namespace, pointer: place } },
  )
}

function testRefused(path: string): SettingsError {
  return new SettingsError(
    'PERMISSION_DENIED',
    `The JSON Patch tests "${path}", which is or has a secret. That needs the permission "secrets"; guard the change by its revision instead.`,
    { details: { needs: 'secrets', pointer: path } },
  )
}
