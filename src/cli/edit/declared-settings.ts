import type { Description } from '../../../events/nouns.ts'
import { isArray, type Json, type JsonObject, pointerToken } from '../../../model/value.ts'
import { applyModeAt } from '../../schema/apply-modes.ts'
import { type Path, valueAt } from '../terminal/key-path.ts'
import { show } from '../terminal/print-answer.ts'
import { declaredPaths, firstKeyword, schemasAt } from './schema-place.ts'

/** One setting as its schema declares it. */
export interface Declared {
  readonly path: Path
  readonly type: string
  readonly default: Json | undefined
  readonly apply: string
  readonly description: string
}

const LIMITS: readonly (readonly [keyword: string, sign: string])[] = [
  ['minimum', '>='],
  ['exclusiveMinimum', '>'],
  ['maximum', '<='],
  ['exclusiveMaximum', '<'],
]

/** The settings that a schema declares, in its order, without objects that only contain other settings. */
export function declaredIn({ schema, defaults, apply }: Description): readonly Declared[] {
  const paths = declaredPaths(schema)
  return paths
    .filter(
      path => !paths.some(other => other.length > path.length && path.every((key, i) => other[i] === key)),
    )
    .map(path => {
      const schemas = schemasAt(schema, path)
      const isOld = firstKeyword(schemas, 'deprecated') === true
      const description = String(firstKeyword(schemas, 'description') ?? firstKeyword(schemas, 'title') ?? '')
      return {
        path,
        type: describeType(schemas),
        default: valueAt(defaults, path),
        apply: applyModeAt(apply, path.map(pointerToken).join('')),
        description: isOld ? `deprecated: ${description}` : description,
      }
    })
}

function describeType(schemas: readonly JsonObject[]): string {
  const allowed = firstKeyword(schemas, 'enum')
  if (isArray(allowed)) return allowed.map(show).join(' | ')
  const type = firstKeyword(schemas, 'type')
  const name = isArray(type) ? type.join(' | ') : typeof type === 'string' ? type : 'any'
  const limits = LIMITS.flatMap(([keyword, sign]) => {
    const limit = firstKeyword(schemas, keyword)
    return limit === undefined ? [] : [`${sign} ${show(limit)}`]
  })
  return [name, ...limits].join(' ')
}
