import { equalValues } from '../../../model/equal-values.ts'
import { SettingsError } from '../../../model/errors.ts'
import { quote } from '../../../model/quote.ts'
import {
  equalJson,
  isArray,
  isObject,
  isSealed,
  type Json,
  type JsonObject,
  setMember,
} from '../../../model/value.ts'
import { PatchBudget } from './patch-budget.ts'

/** Items of an array that are moved at the cost of one member that is copied. */
const ITEMS_MOVED = 256

/**
 * JSON Merge Patch (RFC 7396): objects merge key by key, null removes, any other value replaces. The target
 * is not changed.
 */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch) || isSealed(patch)) return patch
  const result: JsonObject = {}
  const base = isObject(target) && !isSealed(target) ? target : {}
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
 *
 * Invariant: a container is copied at most once each time that it comes into the result. Afterwards it is
 * owned by this patch and is changed in place; a container in two places of the result is never owned. So a
 * patch takes time linear in the target and the operations. All other work (positions in long arrays, `test`
 * of long values, levels of a pointer) is counted.
 * @throws SettingsError CONTENT_MALFORMED for a value that is no patch, PATCH_CONFLICT when a `test` fails or
 * a path does not exist. DOCUMENT_TOO_LARGE for too many operations or too much work.
 */
export function jsonPatch(target: Json, patch: Json, budget = new PatchBudget()): Json {
  if (!isArray(patch)) throw malformed('it must be an array of operations')
  budget.spendOperations(patch.length)
  const patching = new Patching(target, budget)
  for (const [index, operation] of patch.entries()) patching.apply(operation, index)
  return patching.document
}

/** A container that only its patch can reach, and may therefore change. */
type Own = Json[] | Record<string, Json>

class Patching {
  document: Json
  readonly #budget: PatchBudget
  /** The containers that this patch made, each in one place of the document only. */
  readonly #own = new Set<Json>()

  constructor(target: Json, budget: PatchBudget) {
    this.document = target
    this.#budget = budget
  }

  apply(operation: Json, index: number): void {
    if (!isObject(operation)) throw malformed(`operation ${index} is not an object`)
    const path = this.#tokens(operation.path, 'path', index)
    switch (operation.op) {
      case 'add':
        this.#add(path, operand(operation, index), index)
        break
      case 'remove':
        this.#remove(path, index)
        break
      case 'replace':
        read(this.document, path, index)
        this.#put(path, operand(operation, index), index)
        break
      case 'move':
        this.#move(this.#tokens(operation.from, 'from', index), path, index)
        break
      case 'copy': {
        const value = read(this.document, this.#tokens(operation.from, 'from', index), index)
        this.#share(value)
        this.#add(path, value, index)
        break
      }
      case 'test':
        this.#test(path, operand(operation, index), index)
        break
      default:
        throw malformed(
          `operation ${index} has the unknown "op" ${quote(operation.op)}; allowed are add, remove, replace, move, copy, test`,
        )
    }
  }

  #move(from: readonly string[], path: readonly string[], index: number): void {
    if (path.length > from.length && from.every((token, i) => token === path[i]))
      throw malformed(`operation ${index} moves a value into itself`)
    const value = read(this.document, from, index)
    if (equalJson([...from], [...path])) return
    if (from.length === 0) this.document = null
    else this.#remove(from, index)
    this.#add(path, value, index)
  }

  #test(path: readonly string[], expected: Json, index: number): void {
    const value = read(this.document, path, index)
    this.#spend(sizeOf(value))
    if (!equalValues(value, expected))
      throw conflict(index, 'the "test" value differs from the current value')
  }

  #add(path: readonly string[], value: Json, index: number): void {
    const [parent, token] = this.#parent(path, index)
    if (!Array.isArray(parent)) {
      this.#put(path, value, index)
      return
    }
    const at = token === '-' ? parent.length : arrayIndex(token, parent.length + 1, index)
    this.#spend((parent.length - at) / ITEMS_MOVED)
    if (at === parent.length) parent.push(value)
    else parent.splice(at, 0, value)
  }

  #remove(path: readonly string[], index: number): void {
    read(this.document, path, index)
    const [parent, token] = this.#parent(path, index)
    if (!parent) throw malformed(`operation ${index} removes the whole document; use DELETE for that`)
    if (!Array.isArray(parent)) {
      delete parent[token]
      return
    }
    const at = arrayIndex(token, parent.length, index)
    this.#spend((parent.length - at) / ITEMS_MOVED)
    parent.splice(at, 1)
  }

  /** Sets the value at the path. */
  #put(path: readonly string[], value: Json, index: number): void {
    const [parent, token] = this.#parent(path, index)
    if (!parent) this.document = value
    else if (Array.isArray(parent)) parent[arrayIndex(token, parent.length, index)] = value
    else setMember(parent, token, value)
  }

  /** The container of the end of the path, as an own copy; undefined for the document itself. */
  #parent(path: readonly string[], index: number): readonly [Own | undefined, string] {
    const last = path.at(-1)
    if (last === undefined) return [undefined, '']
    let container = this.#ownAt(undefined, '', this.document, path[0] ?? '', index)
    for (const [i, token] of path.slice(0, -1).entries())
      container = this.#ownAt(container, token, member(container, token, index), path[i + 1] ?? '', index)
    return [container, last]
  }

  /** The container at a place, replaced there by a copy unless it is own already. */
  #ownAt(parent: Own | undefined, token: string, value: Json, next: string, index: number): Own {
    if (typeof value !== 'object' || value === null)
      throw conflict(index, `${quote(next)} refers into a value that is neither an object nor an array`)
    // The cast is safe, because own containers are made below.
    if (this.#own.has(value)) return value as Own
    this.#spend(sizeOf(value))
    const copy = isArray(value) ? [...value] : copyMembers(value)
    this.#own.add(copy)
    if (!parent) this.document = copy
    else if (Array.isArray(parent)) parent[Number(token)] = copy
    else setMember(parent, token, copy)
    return copy
  }

  /** Ends the ownership of a value and its containers, because it will be in two places. */
  #share(value: Json): void {
    if (!this.#own.delete(value)) return
    for (const one of Object.values(value as Own)) this.#share(one)
  }

  /** The tokens of a pointer; each is work, because the containers on the way are looked up by them. */
  #tokens(pointer: Json | undefined, member: string, index: number): readonly string[] {
    const found = tokens(pointer, member, index)
    this.#spend(found.length)
    return found
  }

  #spend(work: number): void {
    this.#budget.spendWork(1 + work)
  }
}

function copyMembers(value: JsonObject): Record<string, Json> {
  const copy: Record<string, Json> = {}
  for (const key of Object.keys(value)) setMember(copy, key, value[key] as Json)
  return copy
}

function sizeOf(value: Json): number {
  if (isArray(value)) return value.length
  return isObject(value) ? Object.keys(value).length : 0
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
