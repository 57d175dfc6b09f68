import type { ApplyMode } from '../../events/changes.ts'
import { SettingsError } from '../../model/errors.ts'
import { quote } from '../../model/quote.ts'
import { isObject, type Json, type JsonObject, pointerToken } from '../../model/value.ts'
import { SchemaWalk } from './schema-walk.ts'

const MODES: readonly string[] = ['live', 'reload', 'restart', 'never'] satisfies ApplyMode[]

/**
 * How each property of a schema takes effect (`x-apply`), by JSON Pointer. A property without one has that of
 * what it refers to (`$ref`, `allOf`), else its parent's, the root `restart`.
 */
export function applyModes(schema: JsonObject): Readonly<Record<string, ApplyMode>> {
  const walk = new SchemaWalk(schema)
  const modes: Record<string, ApplyMode> = {}
  const visit = (part: Json | undefined, path: string, inherited: ApplyMode, isOwn: boolean): void => {
    walk.enter(
      part,
      node => {
        // The nearer one counts: a property may say otherwise than the definition it refers to.
        const mode = isOwn ? (statedBy(node, walk) ?? modes[path] ?? inherited) : inherited
        if (path !== '' && isOwn) modes[path] = mode
        for (const alike of walk.appliedWith(node)) visit(alike, path, mode, false)
        for (const [key, property] of Object.entries(isObject(node.properties) ? node.properties : {})) {
          visit(property, path + pointerToken(key), mode, true)
        }
      },
      path,
    )
  }
  visit(schema, '', 'restart', true)
  return modes
}

/**
 * @throws SettingsError SCHEMA_MALFORMED when a property has an `x-apply` that is no mode; a stored one, of a
 * newer release perhaps, is read as `restart`.
 */
export function refuseUnknownModes(schema: JsonObject): void {
  const walk = new SchemaWalk(schema)
  const visit = (part: Json | undefined, path: string): void => {
    walk.enter(
      part,
      node => {
        const mode = node['x-apply']
        if (mode !== undefined && (typeof mode !== 'string' || !MODES.includes(mode))) {
          throw new SettingsError(
            'SCHEMA_MALFORMED',
            `Invalid "x-apply" ${quote(mode)} at "${path || '/'}" of the schema; allowed are ${MODES.join(', ')}.`,
            {
              details: { pointer: path, got: mode, expected: MODES },
            },
          )
        }
        for (const alike of walk.appliedWith(node)) visit(alike, path)
        for (const [key, property] of Object.entries(isObject(node.properties) ? node.properties : {}))
          visit(property, path + pointerToken(key))
      },
      path,
    )
  }
  visit(schema, '')
}

/** The mode at a pointer: its own, else that of its nearest ancestor, else `restart`. */
export function applyModeAt(modes: Readonly<Record<string, ApplyMode>>, path: string): ApplyMode {
  for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
    const mode = modes[at]
    if (mode !== undefined) return mode
  }
  return 'restart'
}

/** The mode that a subschema or what it refers to states, the nearest one; of several in `allOf` the last. */
function statedBy(node: JsonObject, walk: SchemaWalk): ApplyMode | undefined {
  const mode = node['x-apply']
  // Checked against the list of modes on the same line.
  if (typeof mode === 'string' && MODES.includes(mode)) return mode as ApplyMode
  return walk
    .appliedWith(node)
    .reduce<ApplyMode | undefined>(
      (found, alike) => walk.enter(alike, one => statedBy(one, walk)) ?? found,
      undefined,
    )
}
