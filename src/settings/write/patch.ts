import { equalValues } from '../../../model/equal-values.ts'
import { SettingsError } from '../../../model/errors.ts'
import { quote } from '../../../model/quote.ts'
import { equalJson, isArray, isObject, type Json, type JsonObject, setMember } from '../../../model/value.ts'

/**
 * JSON Merge Patch (RFC 7396): objects merge key by key, null removes, any other value replaces. The target
 * is not changed.
 */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch
  const result: JsonObject = {}
  const base = isObject(target) ? target : {}
  for (const key of Object.keys(base)) {
    if (!Object.hasOwn(patch, key)) setMember(result, key, base[key] as Json)
    else if (patch[key] !== null) setMember(result, key, mergePatch(base[key], patch[key] as Json))
  }
  for (const key of Object.keys(patch)) {
    if (!Object.hasOwn(base, key) && patch[key] !== null)
      setMember(result, key, mergePatch(undefined, patch[key] as Json))
  }
  return result
}

/**
 * JSON Patch (RFC 6902) on a copy, all operations or none. It is own code, because the available libraries
 * follow or drop `__proto__` and walk into prototypes.
 * @throws SettingsError CONTENT_MALFORMED for a value that is no patch, PATCH_CONFLICT when a `test` fails or
 * a path does not exist.
 */
export function jsonPatch(target: Json, patch: Json): Json {
  if (!isArray(patch)) throw malformed('it must be an array of operations')
  return patch.reduce<Json>(
    (document, operation, index) => applyOperation(document, operation, index),
    target,
  )
}

function applyOperation(document: Json, operation: Json, index: number): Json {
  if (!isObject(operation)) throw malformed(`operation ${index} is not an object`)
  const path = tokens(operation.path, 'path', index)
  switch (operation.op) {
    case 'add':
      return add(document, path, operand(operation, index), index)
    case 'remove':
      return remove(document, path, index)
    case 'replace':
      read(document, path, index)
      return path.length === 0
        ? operand(operation, index)
        : change(document, path, () => ({ put: operand(operation, index) }), index)
    case 'move': {
      const from = tokens(operation.from, 'from', index)
      if (path.length > from.length && from.every((token, i) => token === path[i]))
        throw malformed(`operation ${index} moves a value into itself`)
      const value = read(document, from, index)
      if (equalJson([...from], [...path])) return document
      return add(from.length === 0 ? null : remove(document, from, index), path, value, index)
    }
    case 'copy':
      return add(document, path, read(document, tokens(operation.from, 'from', index), index), index)
    case 'test': {
      const expected = operand(operation, index)
      if (!equalValues(read(document, path, index), expected))
        throw conflict(index, 'the "test" value differs from the current value')
      return document
    }
    default:
      throw malformed(
        `operation ${index} has the unknown "op" ${quote(operation.op)}; allowed are add, remove, replace, move, copy, test`,
      )
  }
}

type MemberEdit = { readonly put: Json } | { readonly insert: Json } | { readonly remove: true }

function add(document: Json, path: readonly string[], value: Json, index: number): Json {
  if (path.length === 0) return value
  return change(document, path, parent => (isArray(parent) ? { insert: value } : { put: value }), index)
}

function remove(document: Json, path: readonly string[], index: number): Json {
  read(document, path, index)
  if (path.length === 0) throw malformed(`operation ${index} removes the whole document; use DELETE for that`)
  return change(document, path, () => ({ remove: true }), index)
}

/** The document with one edit at the end of the path; only the containers on the way are copied. */
function change(
  container: Json,
  path: readonly string[],
  edit: (parent: Json) => MemberEdit,
  index: number,
): Json {
  const [token = '', ...rest] = path
  if (rest.length > 0) {
    const child = change(member(container, token, index), rest, edit, index)
    return write(container, token, { put: child }, index)
  }
  return write(container, token, edit(container), index)
}

function write(container: Json, token: string, edit: MemberEdit, index: number): Json {
  if (isArray(container)) {
    const at =
      token === '-'
        ? container.length
        : arrayIndex(token, container.length + ('insert' in edit ? 1 : 0), index)
    if ('insert' in edit) return container.toSpliced(at, 0, edit.insert)
    return 'put' in edit ? container.with(at, edit.put) : container.toSpliced(at, 1)
  }
  if (!isObject(container))
    throw conflict(index, `${quote(token)} refers into a value that is neither an object nor an array`)
  const result: JsonObject = {}
  for (const key of Object.keys(container))
    if (key !== token || 'put' in edit) setMember(result, key, container[key] as Json)
  if ('put' in edit) setMember(result, token, edit.put)
  return result
}

function read(document: Json, path: readonly string[], index: number): Json {
  return path.reduce<Json>((value, token) => member(value, token, index), document)
}

function member(container: Json, token: string, index: number): Json {
  if (isArray(container)) return container[arrayIndex(token, container.length, index)] as Json
  if (isObject(container) && Object.hasOwn(container, token)) return container[token] as Json
  throw conflict(index, `${quote(token)} does not exist`)
}

function arrayIndex(token: string, length: number, index: number): number {
  if (!/^(?:0|[1-9]\d{0,8})$/.test(token) || Number(token) >= length)
    throw conflict(index, `${quote(token)} is not an index of an array of ${length} items`)
  return Number(token)
}

function tokens(pointer: Json | undefined, member: string, index: number): readonly string[] {
  if (
    typeof pointer !== 'string' ||
    (pointer !== '' && !pointer.startsWith('/')) ||
    /~(?![01])/.test(pointer)
  ) {
    throw malformed(`"${member}" of operation ${index} is not a JSON Pointer`)
  }
  return pointer
    .split('/')
    .slice(1)
    .map(token => token.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function operand(operation: JsonObject, index: number): Json {
  if (operation.value === undefined)
    throw malformed(`operation ${index} ("${operation.op}") requires "value"`)
  return operation.value
}

function malformed(what: string): SettingsError {
  return new SettingsError('CONTENT_MALFORMED', `Invalid JSON Patch (RFC 6902): ${what}.`)
}

function conflict(index: number, what: string): SettingsError {
  return new SettingsError(
    'PATCH_CONFLICT',
    `Operation ${index} of the JSON Patch cannot be applied: ${what}. Nothing was changed.`,
    {
      details: { operation: index },
    },
  )
}
