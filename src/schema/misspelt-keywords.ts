import leven from 'leven'
import { isArray, isObject, type Json, type JsonObject, pointerToken } from '../../model/value.ts'

/** The warnings of one schema; a schema with more is no JSON Schema at all. */
const MAX_WARNINGS = 20

/** Keywords whose value is one schema. */
const ONE = [
  'not',
  'if',
  'then',
  'else',
  'items',
  'contains',
  'additionalProperties',
  'propertyNames',
].concat(['unevaluatedItems', 'unevaluatedProperties', 'contentSchema'])
/** Keywords whose value is a list of schemas. */
const LIST = ['allOf', 'anyOf', 'oneOf', 'prefixItems']
/** Keywords whose value is an object of schemas. */
const MAP = ['properties', 'patternProperties', 'dependentSchemas', '$defs', 'definitions']
const OTHER = (
  '$schema $id $ref $anchor $dynamicRef $dynamicAnchor $vocabulary $comment type enum const multipleOf ' +
  'maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern maxItems minItems ' +
  'uniqueItems maxContains minContains maxProperties minProperties required dependentRequired title ' +
  'description default deprecated readOnly writeOnly examples format contentEncoding contentMediaType ' +
  'dependencies'
).split(' ')
const KEYWORDS: ReadonlySet<string> = new Set([...ONE, ...LIST, ...MAP, ...OTHER])
const EXTENSIONS: ReadonlySet<string> = new Set(['x-apply', 'x-sensitive', 'x-python-type'])
/** The unknown keywords that are compared, because a schema may have very many. */
const MAX_COMPARED = 1_000
/** From this length on, a keyword is recognized with two wrong letters. */
const LONG_KEYWORD = 6

/**
 * A warning for each keyword of a schema that is unknown, and therefore without effect, and nearly a known
 * one. Other unknown keywords are annotations. Each subschema is visited once, without its references.
 */
export function misspeltKeywords(schema: JsonObject): readonly string[] {
  const warnings: string[] = []
  let left = MAX_COMPARED
  const visit = (part: Json | undefined, place: string): void => {
    if (!isObject(part)) return
    for (const [keyword, value] of Object.entries(part)) {
      if (warnings.length >= MAX_WARNINGS || left <= 0) return
      const at = place + pointerToken(keyword)
      const isKnown = KEYWORDS.has(keyword) || EXTENSIONS.has(keyword)
      const known = isKnown ? undefined : misspeltOf(keyword)
      if (!isKnown) left--
      if (known !== undefined)
        warnings.push(`"${at}" of the schema is not a keyword and has no effect; did you mean "${known}"?`)
      if (ONE.includes(keyword)) visit(value, at)
      if (LIST.includes(keyword) && isArray(value))
        for (const [i, one] of value.entries()) visit(one, at + pointerToken(i))
      if (MAP.includes(keyword) && isObject(value))
        for (const [name, one] of Object.entries(value)) visit(one, at + pointerToken(name))
    }
  }
  visit(schema, '')
  return warnings
}

/** The keyword that an unknown one is nearly; undefined when it is like none. */
function misspeltOf(keyword: string): string | undefined {
  const candidates = [...(keyword.startsWith('x-') ? EXTENSIONS : KEYWORDS)]
  const typed = keyword.toLowerCase()
  const found = candidates
    .map(candidate => ({ candidate, wrong: wrongLetters(typed, candidate.toLowerCase()) }))
    .sort((a, b) => a.wrong - b.wrong)[0]
  if (!found || found.wrong > (found.candidate.length >= LONG_KEYWORD ? 2 : 1)) return undefined
  return found.candidate
}

/** The number of wrong letters; exchanged letters count as one. */
function wrongLetters(typed: string, known: string): number {
  if (Math.abs(typed.length - known.length) > 2) return Number.POSITIVE_INFINITY
  const sorted = (text: string): string => [...text].sort().join('')
  return sorted(typed) === sorted(known) ? Math.min(1, leven(typed, known)) : leven(typed, known)
}
