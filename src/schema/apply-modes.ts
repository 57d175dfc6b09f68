import type { ApplyMode } from '../../events/changes.ts'
import { SettingsError } from '../../model/errors.ts'
import { quote } from '../../model/quote.ts'
import { isObject, type Json, type JsonObject, pointerToken } from '../../model/value.ts'
import { SchemaWalk } from './schema-walk.ts'

const MODES: readonly string[] = ['live', 'reload', 'restart', 'never'] satisfies ApplyMode[]

/**
 * The apply mode (`x-apply`) of each property of a schema, by JSON Pointer. A property without one has that
 * of its references (`$ref`, `allOf`), else that of its parent; the root has `restart`.
 */
export function applyModes(schema: JsonObject): Readonly<Record<string, ApplyMode>> {
  const walk = new SchemaWalk(schema)
  const modes: Record<string, ApplyMode> = {}
  const visit = (part: Json | undefined, path: string, inherited: ApplyMode, isOwn: boolean): void => {
    walk.enter(
      part,
      node => {
        // The nearest one counts, because a property may override the definition that it refers to.
        const mode = isOwn ? (declaredBy(node, walk) ?? modes[path] ?? inherited) : inherited
        if (path !== '' && isOwn) modes[path] = mode
        for (const applied of walk.appliedWith(node)) visit(applied, path, mode, false)
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
 * @throws SettingsError SCHEMA_MALFORMED when a property has an `x-apply` that is no mode. In a stored
 * schema, which may be of a newer release, it is read as `restart`.
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
        for (const applied of walk.appliedWith(node)) visit(applied, path)
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
  return modeReader(modes)(path)
}

/**
 * Returns {@link applyModeAt} for many pointers of one schema. It looks at each parent once, because the
 * pointers below long names are long, and each look reads all of one.
 */
export function modeReader(modes: Readonly<Record<string, ApplyMode>>): (path: string) => ApplyMode {
  const known = new Map<string, ApplyMode>([['', 'restart']])
  const isEmpty = Object.keys(modes).length === 0
  const ofParent = (path: string): ApplyMode => {
    let mode = known.get(path)
    if (mode === undefined) {
      mode = modeAt(path)
      known.set(path, mode)
    }
    return mode
  }
  const modeAt = (path: string): ApplyMode =>
    isEmpty || path === '' ? 'restart' : (modes[path] ?? ofParent(path.slice(0, path.lastIndexOf('/'))))
  return modeAt
}

/** The nearest mode that a subschema or its references declare; of several in `allOf` the last. */
function declaredBy(node: JsonObject, walk: SchemaWalk): ApplyMode | undefined {
  const mode = node['x-apply']
  // The cast is safe, because the same line checks the list of modes.
  if (typeof mode === 'string' && MODES.includes(mode)) return mode as ApplyMode
  return walk
    .appliedWith(node)
    .reduce<ApplyMode | undefined>(
      (found, applied) => walk.enter(applied, one => declaredBy(one, walk)) ?? found,
      undefined,
    )
}
