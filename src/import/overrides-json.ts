import { isSettingsError } from '../../model/errors.ts'
import { FORBIDDEN_NAME, FORBIDDEN_REASON, hasForbiddenName } from '../../model/forbidden-name.ts'
import { parseUntrustedJson } from '../../model/json.ts'
import { isObject } from '../../model/value.ts'
import type { ReadProblem, ReadSetting } from './settings-py.ts'

/** Overrides of several namespaces, as `export` writes them and settings.example.json has them. */
export interface ReadOverrides {
  readonly namespaces: ReadonlyMap<string, readonly ReadSetting[]>
  readonly problems: readonly ReadProblem[]
}

const SCHEMA =
  'the file is a JSON Schema, not settings; its NApp registers it, or PUT it to /api/kytos/settings/v1/<username>/<name>/schema'

/** Reads `{"<namespace>": {...}}`. Never throws; what cannot be read is in `problems`. */
export function readOverridesJson(text: string): ReadOverrides {
  try {
    const json = parseUntrustedJson(text)
    if (!isObject(json))
      return {
        namespaces: new Map(),
        problems: [{ line: 1, message: 'the file must be an object {"<namespace>": {...}}' }],
      }
    if (Object.hasOwn(json, '$schema'))
      return { namespaces: new Map(), problems: [{ line: 1, message: SCHEMA }] }
    const places = findMembers(text)
    const namespaces = new Map<string, readonly ReadSetting[]>()
    const problems: ReadProblem[] = []
    for (const [namespace, overrides] of Object.entries(json)) {
      const lineOf = (name: string): number =>
        places.get(JSON.stringify([namespace, name])) ?? places.get(JSON.stringify([namespace])) ?? 1
      if (isObject(overrides)) {
        const settings = Object.entries(overrides).map(([name, value]) => ({
          name,
          value,
          line: lineOf(name),
        }))
        const isForbidden = ({ name, value }: ReadSetting): boolean =>
          name === FORBIDDEN_NAME || hasForbiddenName(value)
        for (const { name, line } of settings.filter(isForbidden))
          problems.push({ line, message: `${namespace} ${name}: ${FORBIDDEN_REASON}` })
        namespaces.set(
          namespace,
          settings.filter(setting => !isForbidden(setting)),
        )
      } else
        problems.push({
          line: places.get(JSON.stringify([namespace])) ?? 1,
          message: `the value of ${JSON.stringify(namespace)} is not a JSON object`,
        })
    }
    return { namespaces, problems }
  } catch (error) {
    if (!isSettingsError(error)) throw error
    const line = error.details.line
    return {
      namespaces: new Map(),
      problems: [{ ...(typeof line === 'number' ? { line } : {}), message: error.message }],
    }
  }
}

/**
 * The line of each member of the first two levels of a JSON text that is known to be right, by its path as
 * JSON.
 */
function findMembers(text: string): ReadonlyMap<string, number> {
  const places = new Map<string, number>()
  let [line, depth, namespace] = [1, 0, '']
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"(?:\s*:)?|[{}[\]\n]/g)) {
    if (token === '{' || token === '[') depth++
    else if (token === '}' || token === ']') depth--
    else if (token.endsWith(':')) {
      const key: unknown = JSON.parse(token.replace(/\s*:$/, ''))
      if (depth === 1) namespace = String(key)
      if (depth === 1) places.set(JSON.stringify([namespace]), line)
      if (depth === 2) places.set(JSON.stringify([namespace, key]), line)
    }
    line += token.split('\n').length - 1
  }
  return places
}
