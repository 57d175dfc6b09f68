import { isNumeric, readNumber, toBigInt, toFloat } from './values/numbers.ts'
import { order } from './values/operators.ts'
import { toText } from './values/text.ts'
import {
  isTrue,
  iterate,
  lengthOf,
  NONE,
  NotData,
  type PyDict,
  type PyValue,
  pyBool,
  pyFloat,
  pyInt,
  pyList,
  pySet,
  pyText,
  pyTuple,
  setItem,
} from './values/value.ts'

export interface Argument {
  readonly name?: string
  readonly value: PyValue
}

type Environment = { environment(name: string): string | undefined }
type Work = (
  args: readonly PyValue[],
  named: ReadonlyMap<string, PyValue>,
  environment: Environment,
) => PyValue

/** Names that Python knows without an import, and no data by themselves. */
export const FOREIGN: ReadonlySet<string> = new Set([
  'int',
  'float',
  'str',
  'bool',
  'set',
  'dict',
  'list',
  'tuple',
  'frozenset',
  'max',
  'min',
  'abs',
  'len',
])

const FUNCTIONS: Readonly<Record<string, Work>> = {
  int: readInt,
  float: ([value], named) => (named.size > 0 ? odd('float') : readFloat(value)),
  str: (args, named) =>
    named.size > 0 || args.length > 1 ? odd('str') : pyText('str', args[0] ? toText(args[0]) : ''),
  bool: (args, named) =>
    named.size > 0 || args.length > 1 ? odd('bool') : pyBool(args[0] ? isTrue(args[0]) : false),
  len: ([value, ...more]) => (value && more.length === 0 ? pyInt(BigInt(lengthOf(value))) : odd('len')),
  abs: ([value, ...more]) => {
    if (!value || !isNumeric(value) || more.length > 0) return odd('abs')
    if (value.type === 'float') return pyFloat(Math.abs(value.value))
    const integer = toBigInt(value)
    return pyInt(integer < 0n ? -integer : integer)
  },
  max: (args, named) => extreme('max', args, named, difference => difference > 0),
  min: (args, named) => extreme('min', args, named, difference => difference < 0),
  list: ([value, ...more]) => (more.length > 0 ? odd('list') : pyList(value ? iterate(value) : [])),
  tuple: ([value, ...more]) => (more.length > 0 ? odd('tuple') : pyTuple(value ? iterate(value) : [])),
  set: ([value, ...more]) => (more.length > 0 ? odd('set') : pySet('set', value ? iterate(value) : [])),
  frozenset: ([value, ...more]) =>
    more.length > 0 ? odd('frozenset') : pySet('frozenset', value ? iterate(value) : []),
  dict: makeDict,
  'os.environ.get': readVariable,
  'os.getenv': readVariable,
}

/**
 * What a function of Python gives; one that is unknown is not told what it is given.
 * @throws NotData for any that is not among ours.
 */
export function callBuiltin(
  path: string,
  given: () => readonly Argument[],
  environment: Environment,
): PyValue {
  const work = Object.hasOwn(FUNCTIONS, path) ? FUNCTIONS[path] : undefined
  if (!work) throw new NotData(`it calls ${path.slice(0, 80)}(), which is code, not data`)
  const args = given()
  const named = new Map(
    args.flatMap(({ name, value }) => (name === undefined ? [] : [[name, value] as const])),
  )
  return work(
    args.flatMap(({ name, value }) => (name === undefined ? [value] : [])),
    named,
    environment,
  )
}

/**
 * What a method of a text gives; only of ASCII, where every Python has the same letters.
 * @throws NotData for any other.
 */
export function callMethod(object: PyValue, method: string, args: readonly Argument[]): PyValue {
  if (object.type === 'str' && args.length === 0 && /^[\0-\x7f]*$/.test(object.value)) {
    if (method === 'lower') return pyText('str', object.value.toLowerCase())
    if (method === 'upper') return pyText('str', object.value.toUpperCase())
    if (method === 'strip')
      return pyText('str', object.value.replace(/^[\t-\r\x1c-\x20]+|[\t-\r\x1c-\x20]+$/g, ''))
  }
  throw new NotData(`it calls .${method}() of a ${object.type}, which is code, not data`)
}

function readInt(args: readonly PyValue[], named: ReadonlyMap<string, PyValue>): PyValue {
  const [value, base = named.get('base')] = args
  if (args.length > 2 || [...named.keys()].some(name => name !== 'base')) return odd('int')
  if (value === undefined) return base ? odd('int') : pyInt(0n)
  if (value.type === 'str') {
    const radix = base === undefined ? 10n : isNumeric(base) ? toBigInt(base) : odd('int')
    const [, sign = '', digits = ''] = /^\s*([+-]?)(\S*)\s*$/.exec(value.value) ?? []
    const prefixes: Readonly<Record<string, string>> = { '2': '0b', '8': '0o', '16': '0x' }
    const prefix = prefixes[String(radix)] ?? ''
    const plain = digits.toLowerCase().startsWith(prefix) ? digits.slice(prefix.length) : digits
    const written =
      prefix + (radix === 10n ? plain.replace(/^0(?=_?\d)(?:_?0)*_?/, '') || '0' : plain.replace(/^_/, ''))
    if (digits === '' || !(radix === 10n ? /^\d(?:_?\d)*$/.test(digits) : prefix !== ''))
      throw new NotData('int() cannot parse the string (ValueError)')
    const number = readNumber(written)
    if (number?.type !== 'int') throw new NotData('int() cannot parse the string (ValueError)')
    return pyInt(sign === '-' ? -number.value : number.value)
  }
  if (base !== undefined || !isNumeric(value)) return odd('int')
  if (value.type !== 'float') return pyInt(toBigInt(value))
  if (!Number.isFinite(value.value)) throw new NotData(`int() of ${value.value}`)
  return pyInt(BigInt(Math.trunc(value.value)))
}

function readFloat(value: PyValue | undefined): PyValue {
  if (value === undefined) return pyFloat(0)
  if (isNumeric(value)) return pyFloat(toFloat(value))
  if (value.type !== 'str') return odd('float')
  const [, sign = '', digits = ''] = /^\s*([+-]?)(\S*)\s*$/.exec(value.value) ?? []
  const word = digits.toLowerCase()
  const whole =
    word === 'inf' || word === 'infinity' ? Number.POSITIVE_INFINITY : word === 'nan' ? Number.NaN : undefined
  // Unlike in a literal, zeros may lead.
  const number =
    whole ??
    (/^(?:\d(?:_?\d)*\.?|(?:\d(?:_?\d)*)?\.\d(?:_?\d)*)(?:e[+-]?\d(?:_?\d)*)?$/.test(word)
      ? Number(word.replaceAll('_', ''))
      : undefined)
  if (number === undefined) throw new NotData('float() cannot parse the string (ValueError)')
  return pyFloat(sign === '-' ? -number : number)
}

function extreme(
  name: string,
  args: readonly PyValue[],
  named: ReadonlyMap<string, PyValue>,
  better: (difference: number) => boolean,
): PyValue {
  if (named.size > 0 || args.length === 0) return odd(name)
  const values = args.length === 1 ? iterate(args[0] ?? NONE) : args
  const [first, ...others] = values
  if (!first) throw new NotData(`${name}() of an empty list (ValueError)`)
  return others.reduce((best, value) => (better(order(value, best)) ? value : best), first)
}

function makeDict(args: readonly PyValue[], named: ReadonlyMap<string, PyValue>): PyValue {
  const [source] = args
  if (args.length > 1 || (source && source.type !== 'dict')) return odd('dict')
  const dict: PyDict = { type: 'dict', entries: new Map(source?.entries) }
  for (const [key, value] of named) setItem(dict, pyText('str', key.normalize('NFKC')), value)
  return dict
}

function readVariable(
  args: readonly PyValue[],
  named: ReadonlyMap<string, PyValue>,
  environment: Environment,
): PyValue {
  const name = args[0] ?? named.get('key')
  const preset = args[1] ?? named.get('default') ?? NONE
  if (name?.type !== 'str' || args.length > 2) return odd('os.environ.get')
  const found = environment.environment(name.value)
  return found === undefined ? preset : pyText('str', found)
}

function odd(name: string): never {
  throw new NotData(`${name}() is called with unsupported arguments`)
}
