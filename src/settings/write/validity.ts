import { SettingsError } from '../../../model/errors.ts'
import { CLUSTER, type Namespace, type Scope } from '../../../model/namespace.ts'
import type { JsonObject } from '../../../model/value.ts'
import { refuseBroken } from '../../schema/validator.ts'
import type { Secrets } from '../../secrets/secrets.ts'
import type { Base } from '../../state/document-reader.ts'
import type { Cache } from '../../watcher/cache.ts'
import type { OverridesChange } from '../../watcher/namespace-state.ts'
import { withoutSecretsInRules } from './secret-changes.ts'

/** A document of a change with its overrides before and after it. */
interface ChangedDocument {
  readonly namespace: Namespace
  readonly scope: Scope
  readonly base: Base
  readonly before: JsonObject
  readonly next: JsonObject | undefined
}

interface ValidityContext {
  readonly secrets: Secrets
  readonly cache: Cache
  readonly strict: boolean
}

/** @throws SettingsError SETTINGS_INVALID with all rules that the change breaks, SCHEMA_REQUIRED. */
export function refuseInvalid(
  documents: readonly ChangedDocument[],
  { cache, strict, secrets }: ValidityContext,
): void {
  const broken = documents.flatMap(({ namespace, scope, next }) => {
    if (next === undefined) return []
    if (!cache.schema(namespace) && strict) {
      throw new SettingsError(
        'SCHEMA_REQUIRED',
        `"${namespace}" has no schema, which [settings] strict = true requires. Register its schema first.`,
      )
    }
    const unusable = cache.unusableSchema(namespace)
    if (unusable !== undefined) {
      throw new SettingsError(
        'SCHEMA_REQUIRED',
        `"${namespace}" cannot be changed, because its stored schema cannot be used: ${unusable} Register a usable schema of its NApp.`,
      )
    }
    const changed = new Map(
      documents.flatMap(one => (one.namespace === namespace ? [[one.scope, changeOf(one)]] : [])),
    )
    const rules = withoutSecretsInRules(
      secrets,
      namespace,
      next,
      cache.rulesRefused(namespace, scope, changed),
    )
    return rules.map(rule => ({ ...rule, ...(documents.length > 1 && { namespace, scope }) }))
  })
  const named = [...new Set(broken.map(rule => nameOf(rule) ?? nameOf(documents[0])))]
  refuseBroken(broken, named.join(' and '))
}

/** The overrides before and after the change; absent ones are undefined. */
function changeOf({ base, before, next }: ChangedDocument): OverridesChange {
  return { before: base.entry && before, after: next }
}

function nameOf(
  place: { readonly namespace?: string; readonly scope?: string } | undefined,
): string | undefined {
  if (place?.namespace === undefined) return undefined
  return place.scope === CLUSTER ? `"${place.namespace}"` : `"${place.namespace}" in scope ${place.scope}`
}
