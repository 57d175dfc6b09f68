import { setImmediate as turn } from 'node:timers/promises'
import { SettingsError } from '../../model/errors.ts'
import { mergeLayers } from '../../model/merge.ts'
import { CLUSTER, type Namespace } from '../../model/namespace.ts'
import { isObject, type JsonObject } from '../../model/value.ts'
import type { SchemaDocument } from '../schema/schema-document.ts'
import { tooCostly } from '../schema/schema-size.ts'
import { VALIDATION_STEPS } from '../schema/step-meter.ts'
import { BUDGET } from '../schema/validator.ts'
import type { Cache } from '../watcher/cache.ts'

/** The members that distinguish an answer of `kytos.settings.describe` from a schema. */
const OF_DESCRIPTION: readonly string[] = [
  'schema',
  'defaults',
  'digest',
  'napp_version',
  'namespace',
  'apply',
  'seed',
  'stored',
]

/**
 * Refuses an answer of `GET .../schema`, or a registration of a NApp, in place of a schema. As a schema it
 * would allow every value and have no defaults.
 * @throws SettingsError SCHEMA_MALFORMED.
 */
export function refuseDescription(schema: JsonObject): void {
  const { schema: inner } = schema
  if (!isObject(inner) || !Object.keys(schema).every(key => OF_DESCRIPTION.includes(key))) return
  throw new SettingsError(
    'SCHEMA_MALFORMED',
    'The value is not a JSON Schema but an object that contains one in "schema", as GET .../schema answers. Send the value of its member "schema" alone.',
    { details: { pointer: '/schema' } },
  )
}

/**
 * Runs a schema on the stored overrides of every scope, one scope at a time, before it is committed. After
 * the commit it is in use on every controller at once, and no controller could refuse it.
 * @throws SettingsError SCHEMA_TOO_COSTLY, with the scope.
 */
export async function refuseCostlyOnStored(
  { defaults, seed, validate }: SchemaDocument,
  namespace: Namespace,
  cache: Cache,
): Promise<void> {
  const cluster = cache.document(namespace, CLUSTER)?.data ?? {}
  for (const { namespace: owner, scope, data } of [...cache.documents()]) {
    if (owner !== namespace || !data) continue
    const [broken] = validate(mergeLayers([defaults, seed, cluster, ...(scope === CLUSTER ? [] : [data])]))
    if (broken?.rule === BUDGET)
      throw tooCostly(
        `its validation of the overrides stored in scope ${scope} takes more than ${VALIDATION_STEPS} steps`,
      )
    await turn()
  }
}
