import type { ApplyMode } from '../../events/map.ts'
import { isObject, type Json, type JsonObject, pointerToken } from '../../model/value.ts'
import { resolveLocal } from './layers.ts'

const MODES: readonly string[] = ['live', 'reload', 'restart', 'never'] satisfies ApplyMode[]
const MAX_SCHEMA_DEPTH = 32

/** How each property of a schema takes effect (`x-apply`), by JSON Pointer; a property without one has its parent's, the root `restart`. */
export function applyModes(schema: JsonObject): Readonly<Record<string, ApplyMode>> {
  const modes: Record<string, ApplyMode> = {}
  const visit = (node: Json | undefined, path: string, inherited: ApplyMode, depth: number): void => {
    if (!isObject(node) || depth > MAX_SCHEMA_DEPTH) return
    const mode = own(node) ?? inherited
    if (path !== '') modes[path] = mode
    if (typeof node.$ref === 'string') visit(resolveLocal(node.$ref, schema), path, mode, depth + 1)
    if (isObject(node.properties)) {
      for (const key of Object.keys(node.properties)) visit(node.properties[key], path + pointerToken(key), mode, depth + 1)
    }
  }
  visit(schema, '', 'restart', 0)
  return modes
}

/** The mode at a pointer: its own, else that of its nearest ancestor, else `restart`. */
export function applyModeAt(modes: Readonly<Record<string, ApplyMode>>, path: string): ApplyMode {
  for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
    const mode = modes[at]
    if (mode !== undefined) return mode
  }
  return 'restart'
}

function own(node: JsonObject): ApplyMode | undefined {
  const mode = node['x-apply']
  // Checked against the list of modes on the same line.
  return typeof mode === 'string' && MODES.includes(mode) ? (mode as ApplyMode) : undefined
}
