import type { Description } from '../../../events/nouns.ts'
import { isArray, type Json, type JsonObject, pointerToken } from '../../../model/value.ts'
import { applyModeAt } from '../../schema/apply-modes.ts'
import { type Path, valueAt } from '../terminal/key-path.ts'
import { show } from '../terminal/print-answer.ts'
import { declaredPaths, firstSaid, schemasAt } from './schema-place.ts'

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
      const said = schemasAt(schema, path)
      const isOld = firstSaid(said, 'deprecated') === true
      const description = String(firstSaid(said, 'description') ?? firstSaid(said, 'title') ?? '')
      return {
        path,
        type: describeType(said),
        default: valueAt(defaults, path),
        apply: applyModeAt(apply, path.map(pointerToken).join('')),
        description: isOld ? `deprecated: ${description}` : description,
      }
    })
}

function describeType(said: readonly JsonObject[]): string {
  const allowed = firstSaid(said, 'enum')
  if (isArray(allowed)) return allowed.map(show).join(' | ')
  const type = firstSaid(said, 'type')
  const name = isArray(type) ? type.join(' | ') : typeof type === 'string' ? type : 'any'
  const limits = LIMITS.flatMap(([keyword, sign]) => {
    const limit = firstSaid(said, keyword)
    return limit === undefined ? [] : [`${sign} ${show(limit)}`]
  })
  return [name, ...limits].join(' ')
}
