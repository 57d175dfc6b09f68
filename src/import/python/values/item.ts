import { isNumeric, toBigInt } from './numbers.ts'
import { hashKey, iterate, NotData, type PyList, type PyValue } from './value.ts'

/** `value[key]`. @throws NotData where Python raises. */
export function itemOf(value: PyValue, key: PyValue): PyValue {
  if (value.type === 'dict')
    return value.entries.get(hashKey(key))?.[1] ?? refuse('the key is not in the dict (KeyError)')
  if (value.type === 'set' || value.type === 'frozenset')
    throw new NotData(`a ${value.type} has no items by index (TypeError)`)
  const items = iterate(value)
  // indexOf answers with a place that is there.
  return items[indexOf(items.length, key)] as PyValue
}

/** `list[key] = value`. */
export function setListItem(list: PyList, key: PyValue, value: PyValue): void {
  list.items[indexOf(list.items.length, key)] = value
}

function indexOf(length: number, key: PyValue): number {
  if (!isNumeric(key)) throw new NotData(`a ${key.type} is not an index (TypeError)`)
  const at = toBigInt(key)
  const index = Number(at < 0n ? at + BigInt(length) : at)
  return index >= 0 && index < length ? index : refuse('the index is out of range (IndexError)')
}

function refuse(reason: string): never {
  throw new NotData(reason)
}
