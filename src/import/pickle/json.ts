import { DATA_DEPTH } from '../../../model/extent.ts'
import { FORBIDDEN_NAME, FORBIDDEN_REASON } from '../../../model/forbidden-name.ts'
import { type Json, type JsonObject, setMember } from '../../../model/value.ts'
import { type Pickled, type PickledDict, refuse } from './value.ts'

/** No store takes a larger box. */
const MOST_WEIGHT = 16 * 1024 * 1024

/**
 * A pickled value as JSON. What JSON does not tell from something else is named in `lost`: tuples and sets
 * become arrays, dates text, keys text.
 * @throws PickleRefused for what it cannot hold at all, for circles, and for what unfolds to more than any
 * box holds.
 */
export function pickledToJson(value: Pickled, lost: Set<string>): Json {
  let weight = 0
  const convert = (one: Pickled, depth: number): Json => {
    weight += 2 + (one.type === 'str' || one.type === 'datetime' ? one.value.length : 0)
    if (weight > MOST_WEIGHT) return refuse(`it expands to more than ${MOST_WEIGHT} bytes`)
    if (depth > DATA_DEPTH) return refuse(`it nests deeper than ${DATA_DEPTH} levels, or contains itself`)
    switch (one.type) {
      case 'none':
        return null
      case 'bool':
      case 'str':
        return one.value
      case 'int': {
        const number = Number(one.value)
        return Number.isSafeInteger(number) ? number : one.value
      }
      case 'float':
        return Number.isFinite(one.value)
          ? one.value
          : refuse('it contains inf or nan, which JSON cannot represent')
      case 'datetime':
        lost.add('dates became strings')
        return one.value
      case 'list':
        return one.items.map(item => convert(item, depth + 1))
      case 'tuple':
      case 'set':
      case 'frozenset':
        lost.add(one.type === 'tuple' ? 'tuples became arrays' : 'sets became arrays')
        return one.items.map(item => convert(item, depth + 1))
      case 'dict':
        return convertDict(one, depth)
      default:
        return refuse(
          `it contains ${one.type === 'bytes' ? 'bytes' : `a ${one.type}`}, which JSON cannot represent`,
        )
    }
  }
  const convertDict = ({ entries }: PickledDict, depth: number): JsonObject => {
    const target: JsonObject = {}
    const kinds = new Map<string, string>()
    for (const [key, member] of entries) {
      if (key.type !== 'str' && key.type !== 'int')
        return refuse(`a key in it is a ${key.type}, not a string`)
      if (key.type === 'int') lost.add('integer keys became strings')
      const name = String(key.value)
      if (name === FORBIDDEN_NAME) return refuse(FORBIDDEN_REASON)
      weight += name.length + 3
      if ((kinds.get(name) ?? key.type) !== key.type)
        return refuse(`one dict has the string and the integer ${JSON.stringify(name.slice(0, 40))} as keys`)
      kinds.set(name, key.type)
      setMember(target, name, convert(member, depth + 1))
    }
    return target
  }
  return convert(value, 0)
}
