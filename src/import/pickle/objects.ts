import { GLOBALS, type GlobalName, type Pickled, refuse } from './value.ts'

/*
 * What a pickle may make besides plain data, and nothing else: each name is one of ours, and each call is
 * done here, by its few lines.
 */

const PYTHON_2: Readonly<Record<string, string>> = { copy_reg: 'copyreg', __builtin__: 'builtins' }

/** @throws PickleRefused for any name that is not on the list. */
export function findGlobal(module: string, name: string): Pickled {
  const path = `${Object.hasOwn(PYTHON_2, module) ? PYTHON_2[module] : module}.${name}`
  // A name that is a key of the table has a value there.
  if (Object.hasOwn(GLOBALS, path)) return { type: 'global', name: GLOBALS[path as keyof typeof GLOBALS] }
  return refuse(
    `it refers to ${JSON.stringify(path.slice(0, 120))}, which is code, not data, and was not executed`,
  )
}

/** `REDUCE`: what the call of a name gives. */
export function call(called: Pickled | undefined, args: Pickled | undefined): Pickled {
  if (called?.type !== 'global' || args?.type !== 'tuple')
    return refuse('it calls an object that is not a function')
  const [first, second, third, ...more] = args.items
  if (more.length > 0) return odd(called.name)
  switch (called.name) {
    case 'reconstructor':
      return isGlobal(first, 'Box') && isGlobal(second, 'object') && third?.type === 'none'
        ? newBox()
        : odd(called.name)
    case 'newobj':
      return newObject(first, { type: 'tuple', items: args.items.slice(1) })
    case 'set':
    case 'frozenset':
      if (second || (first && first.type !== 'list' && first.type !== 'tuple')) return odd(called.name)
      return { type: called.name, items: [...(first && 'items' in first ? first.items : [])] }
    case 'bytes':
      return first ? odd(called.name) : { type: 'bytes', value: new Uint8Array() }
    case 'encode':
      return encode(first, second)
    case 'datetime':
      return readDate(first, second, 10)
    case 'date':
      return second ? odd(called.name) : readDate(first, undefined, 4)
    case 'timedelta':
      return readDuration([first, second, third])
    case 'timezone':
      return first?.type === 'timedelta' && second === undefined
        ? { type: 'timezone', value: first.value }
        : odd(called.name)
    default:
      return odd(called.name)
  }
}

/** `NEWOBJ`: an empty box. */
export function newObject(made: Pickled | undefined, args: Pickled | undefined): Pickled {
  return isGlobal(made, 'Box') && args?.type === 'tuple' && args.items.length === 0
    ? newBox()
    : refuse('it creates an object that is not a box')
}

/** `BUILD`: the members of a box. */
export function build(target: Pickled | undefined, state: Pickled | undefined): void {
  if (target?.type !== 'box' || state?.type !== 'dict')
    refuse('it sets members of an object that is not a box')
  else
    for (const [key, value] of state.entries) {
      if (key.type !== 'str') refuse('a member of the box has no name')
      else target.members.set(key.value, value)
    }
}

function newBox(): Pickled {
  return { type: 'box', members: new Map() }
}

function encode(text: Pickled | undefined, code: Pickled | undefined): Pickled {
  if (text?.type !== 'str' || code?.type !== 'str' || !/^latin-?1$/.test(code.value)) return odd('encode')
  if (/[^\0-\xff]/.test(text.value)) return refuse('a bytes value in it is invalid')
  return { type: 'bytes', value: Buffer.from(text.value, 'latin1') }
}

/** Python packs a date into 4 bytes, with the time into 10. */
function readDate(packed: Pickled | undefined, zone: Pickled | undefined, length: number): Pickled {
  if (packed?.type !== 'bytes' || packed.value.length !== length || (zone && zone.type !== 'timezone'))
    return odd('datetime')
  const [high = 0, low = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, ...micros] = packed.value
  // The highest bit of the month tells the second of two equal times.
  const date = [high * 256 + low, month & 0x7f, day]
  const text = `${String(date[0]).padStart(4, '0')}-${two(date[1])}-${two(date[2])}`
  const micro = micros.reduce((sum, byte) => sum * 256 + byte, 0)
  const time =
    length === 4
      ? ''
      : `T${two(hour)}:${two(minute)}:${two(second)}${micro === 0 ? '' : `.${String(micro).padStart(6, '0')}`}`
  if (Number.isNaN(Date.parse(`${text}${time.slice(0, 9)}Z`)) && length === 10)
    return refuse('a date in it is invalid')
  return { type: 'datetime', value: text + time + (zone?.type === 'timezone' ? printOffset(zone.value) : '') }
}

function printOffset(micros: number): string {
  const seconds = Math.round(Math.abs(micros) / 1_000_000)
  const rest = seconds % 60 === 0 ? '' : `:${two(seconds % 60)}`
  return `${micros < 0 ? '-' : '+'}${two(Math.floor(seconds / 3_600))}:${two(Math.floor(seconds / 60) % 60)}${rest}`
}

function readDuration(parts: readonly (Pickled | undefined)[]): Pickled {
  const numbers = parts.map(part =>
    part?.type === 'int' ? Number(part.value) : part === undefined ? 0 : odd('timedelta'),
  )
  const [days = 0, seconds = 0, micros = 0] = numbers
  return { type: 'timedelta', value: (days * 24 * 60 * 60 + seconds) * 1_000_000 + micros }
}

function isGlobal(value: Pickled | undefined, name: GlobalName): boolean {
  return value?.type === 'global' && value.name === name
}

function two(value: number | undefined): string {
  return String(value ?? 0).padStart(2, '0')
}

function odd(name: string): never {
  return refuse(`it calls ${name} with unsupported arguments`)
}
