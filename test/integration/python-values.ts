import { parseJson } from '../../model/json.ts'
import { isArray, type Json } from '../../model/value.ts'
import type { PyValue } from '../../src/import/python/values/value.ts'

/** A value with its types, as the script shows Python's. */
export function show(value: PyValue, depth = 0): Json {
  // In a circle: no data to either side.
  if (depth > 200) return null
  switch (value.type) {
    case 'none':
      return ['none']
    case 'bool':
      return ['bool', value.value]
    case 'int':
      return ['int', value.value < 0n ? `-0x${(-value.value).toString(16)}` : `0x${value.value.toString(16)}`]
    case 'float':
      return ['float', value.value]
    case 'str':
      return ['str', Buffer.from(value.value, 'utf16le').swap16().toString('hex')]
    case 'bytes':
      return ['bytes', Buffer.from(value.value, 'latin1').toString('hex')]
    case 'list':
    case 'tuple':
      return [value.type, value.items.map(item => show(item, depth + 1))]
    case 'set':
    case 'frozenset':
      return [value.type, [...value.items.values()].map(item => show(item, depth + 1))]
    case 'dict':
      return [
        'dict',
        [...value.entries.values()].map(([key, item]) => [show(key, depth + 1), show(item, depth + 1)]),
      ]
    default:
      return null
  }
}

/** Both sides in one order, floats as numbers. */
export function tidy(shown: Json | undefined): Json {
  if (!isArray(shown)) return shown ?? null
  const [kind, content] = shown
  if (kind === 'float') return ['float', typeof content === 'string' ? fromHex(content) : (content ?? null)]
  if (kind === 'set' || kind === 'frozenset') {
    const items = isArray(content) ? content : []
    const parsed = items.map(item => JSON.stringify(tidy(typeof item === 'string' ? parseJson(item) : item)))
    return [kind, parsed.sort()]
  }
  return shown.map(tidy)
}

function fromHex(text: string): number {
  const [, sign, whole = '', fraction = '', exponent = '0'] =
    /^(-?)0x([01])\.?([\da-f]*)p([+-]\d+)$/.exec(text) ?? []
  if (whole === '')
    return text === 'nan'
      ? Number.NaN
      : text.startsWith('-')
        ? Number.NEGATIVE_INFINITY
        : Number.POSITIVE_INFINITY
  return (
    (sign === '-' ? -1 : 1) *
    Number(BigInt(`0x${whole}${fraction}`)) *
    2 ** (-4 * fraction.length) *
    2 ** Number(exponent)
  )
}
