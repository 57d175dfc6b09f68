import { parseData, parseText } from '../../events/content.ts'
import { differences } from '../../events/differences.ts'
import type { CommandContent } from '../../events/map.ts'
import { mergeLayers } from '../../model/merge.ts'
import { CLUSTER, type Namespace } from '../../model/namespace.ts'
import type { Log } from '../log/log.ts'
import { refuseUnknownModes } from '../schema/apply-modes.ts'
import { placesOf } from '../schema/deprecated.ts'
import { misspeltKeywords } from '../schema/misspelt-keywords.ts'
import { createSchemaDocument, type SchemaDocument } from '../schema/schema-document.ts'
import { refuseBroken } from '../schema/validator.ts'
import type { Cache } from '../watcher/cache.ts'
import { refuseDescription } from './registered-schema.ts'

/** Rules that a missing value breaks, or may break: overrides can still add it. */
const ABSENCE_RULES: ReadonlySet<string> = new Set([
  'required',
  'dependentRequired',
  'minProperties',
  'anyOf',
  'oneOf',
  'if',
])

/**
 * Parses a registration; its defaults and seed must match its schema, except for missing values.
 * @throws SettingsError CONTENT_MALFORMED, SCHEMA_MALFORMED, SCHEMA_TOO_COSTLY, SETTINGS_INVALID.
 */
export function parseRegistration(
  namespace: Namespace,
  content: CommandContent<'kytos.settings.register'>,
): SchemaDocument {
  const schema = parseData(content.schema, 'schema')
  const seed = content.seed === undefined ? {} : parseData(content.seed, 'seed')
  const version =
    content.napp_version === undefined ? undefined : parseText(content.napp_version, 'napp_version')
  refuseDescription(schema)
  const document = createSchemaDocument(schema, seed, version)
  refuseUnknownModes(schema)
  const broken = document
    .validate(mergeLayers([document.defaults, seed]))
    .filter(rule => !ABSENCE_RULES.has(rule.rule))
  refuseBroken(
    broken,
    Object.keys(seed).length > 0
      ? `The seed of "${namespace}"`
      : `The default of the schema of "${namespace}"`,
  )
  return document
}

/** Logs and returns a warning for each keyword of the schema that is probably misspelt. */
export function warnOfKeywords(
  namespace: Namespace,
  { schema }: SchemaDocument,
  log: Log,
): readonly string[] {
  const warnings = misspeltKeywords(schema)
  for (const warning of warnings) log.warn(`The schema of "${namespace}": ${warning}`)
  return warnings
}

/** Warns of overrides that set values which the schema marks as deprecated. */
export function warnOfDeprecated(
  namespace: Namespace,
  { deprecated }: SchemaDocument,
  cache: Cache,
  log: Log,
): void {
  if (deprecated.length === 0) return
  for (const scope of [CLUSTER, cache.self]) {
    const set = differences({}, cache.document(namespace, scope)?.inForce ?? {}).map(({ path }) => path)
    const used = placesOf(deprecated, set)
    if (used.length > 0)
      log.warn(`The overrides of "${namespace}" (${scope}) set deprecated settings: ${used.join(', ')}.`)
  }
}
