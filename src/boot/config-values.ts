import { isIP } from 'node:net'
import { closestMatch } from 'leven'
import { isControllerId } from '../../model/namespace.ts'
import { quote } from './problems.ts'

/**
 * The value of a text, or its problem: a phrase that continues a sentence after the key, without a full stop.
 */
export type Reading<Value> = { readonly value: Value } | { readonly wrong: string }

/** One type of values in kytos.ini: its name in help and documentation, and its parser. */
export interface ValueType<Value> {
  readonly name: string
  /** True when a relative path starts at the file's folder. */
  readonly path?: true
  read(text: string): Reading<Value>
}

/** The backends of this package that `[settings] backend` may name, the default first. */
export const BACKENDS = ['filesystem', 'etcd'] as const
export type BackendName = (typeof BACKENDS)[number]

/** The name of a package, optionally with the path of a module that it exports. */
const PACKAGE = /^(?:@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*(?:\/[\w.-]+)*$/
const HOST_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$/
const PREFIX = /^(?:\/[^/\s\p{Cc}]+)+$/u
/** Less than the time that a command waits for its response. */
const MAX_WAIT_SECONDS = 20
const SECONDS_PER_DAY = 86_400
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['1', 'yes', 'true', 'on'].map(word => [word, true] as const),
  ...['0', 'no', 'false', 'off'].map(word => [word, false] as const),
])

/** Any text that is not empty. */
export const TEXT: ValueType<string> = { name: 'text', read: text => ({ value: text }) }

/** A file or folder; the caller, which knows the file's folder, makes it absolute. */
export const PATH: ValueType<string> = {
  name: 'path',
  path: true,
  read: text => (/\p{Cc}/u.test(text) ? unexpected(text, 'a path on one line') : { value: text }),
}

/** An IP address or a host name. */
export const HOST: ValueType<string> = {
  name: 'host',
  read: text =>
    isHost(text) ? { value: text } : unexpected(text, 'an IP address or a host name, without a port'),
}

/** True for an IP address or a host name. */
export function isHost(text: string): boolean {
  return isIP(text) !== 0 || HOST_NAME.test(text)
}

/** A TCP port; 0 selects a free one. */
export const PORT: ValueType<number> = {
  name: 'port',
  read: text =>
    /^\d{1,5}$/.test(text) && Number(text) < 65_536
      ? { value: Number(text) }
      : unexpected(text, 'a port, 0 to 65535'),
}

/** Seconds above 0, a day at most; a fraction is allowed. */
export const SECONDS: ValueType<number> = {
  name: 'seconds',
  read: text => {
    const seconds = /^\d{1,6}(?:\.\d+)?$/.test(text) ? Number(text) : 0
    return seconds > 0 && seconds <= SECONDS_PER_DAY
      ? { value: seconds }
      : unexpected(text, `seconds, above 0 and at most ${SECONDS_PER_DAY}, such as 30 or 2.5`)
  },
}

/** Seconds during which a caller waits for a response, limited so that the caller does not time out. */
export const SHORT_SECONDS: ValueType<number> = {
  name: 'seconds',
  read: text => {
    const seconds = /^\d{1,2}(?:\.\d+)?$/.test(text) ? Number(text) : 0
    return seconds > 0 && seconds <= MAX_WAIT_SECONDS
      ? { value: seconds }
      : unexpected(text, `seconds, above 0 and at most ${MAX_WAIT_SECONDS}, such as 2`)
  },
}

/** The seconds of a period, a day at most; 0 for never. */
export const PERIOD: ValueType<number> = {
  name: 'seconds, 0 for never',
  read: text => {
    const seconds = /^\d{1,6}(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN
    return seconds <= SECONDS_PER_DAY
      ? { value: seconds }
      : unexpected(text, `seconds, at most ${SECONDS_PER_DAY}, such as 300, or 0 for never`)
  },
}

/** The number of history records of a document, 1 to 1000. */
export const RECORDS: ValueType<number> = {
  name: 'count',
  read: text => {
    const count = /^\d{1,4}$/.test(text) ? Number(text) : 0
    return count >= 1 && count <= 1_000 ? { value: count } : unexpected(text, 'a number from 1 to 1000')
  },
}

/** A boolean, in the spelling of Python's getboolean. */
export const BOOLEAN: ValueType<boolean> = {
  name: 'boolean',
  read: text => {
    const value = BOOLEANS.get(text.toLowerCase())
    return value === undefined ? unexpected(text, 'one of true, yes, on, 1, false, no, off, 0') : { value }
  },
}

/** A backend of this package, the name of another package, or the path of a module. */
export const BACKEND: ValueType<string> = {
  name: 'filesystem, etcd, a package or a ./file',
  read: text => {
    if (isOwnBackend(text) || isModulePath(text)) return { value: text }
    const near = closestMatch(text.toLowerCase(), [...BACKENDS], { maxDistance: 2 })
    const others = 'a package such as "@me/my-store", or a module such as "./my-store.mjs"'
    if (near === undefined && PACKAGE.test(text)) return { value: text }
    const hint = near === undefined ? '' : `did you mean "${near}"? `
    const choices = `${hint === '' ? 'allowed' : 'Allowed'} are ${BACKENDS.join(', ')}, ${others}`
    return { wrong: `is ${quote(text)}; ${hint}${choices}` }
  },
}

/** True for the name of a backend of this package that a configuration may choose. */
export function isOwnBackend(text: string): text is BackendName {
  return BACKENDS.some(name => name === text)
}

/** True for the path of a module, as distinct from the name of a package. */
export function isModulePath(text: string): boolean {
  return /^(?:\.{1,2})?\/[^\p{Cc}]+$/u.test(text)
}

/** The name of a controller. */
export const CONTROLLER: ValueType<string> = {
  name: 'controller id',
  read: text =>
    isControllerId(text)
      ? { value: text }
      : unexpected(text, '1 to 64 letters, digits, ".", "_" or "-", the first one a letter or digit'),
}

/** The prefix of etcd keys. */
export const PREFIX_PATH: ValueType<string> = {
  name: 'key prefix',
  read: text =>
    PREFIX.test(text)
      ? { value: text }
      : unexpected(
          text,
          'a prefix such as /kytos, which starts but does not end with "/", and has no "//" and no space',
        ),
}

/** One of these words; the problem of a misspelt one names the nearest. */
export function choice<const Word extends string>(...words: readonly Word[]): ValueType<Word> {
  return {
    name: words.join(' or '),
    read: text => {
      const value = words.find(word => word === text)
      return value === undefined ? { wrong: `is ${quote(text)}; ${allowed(text, words)}` } : { value }
    },
  }
}

/** The message for a word that is not in `words`: "did you mean ...? Allowed are ...". */
export function allowed(text: string, words: readonly string[]): string {
  const nearest = closestMatch(text.toLowerCase(), words, {
    maxDistance: Math.max(2, Math.floor(text.length / 3)),
  })
  const hint = nearest === undefined ? '' : `did you mean "${nearest}"? `
  return `${hint}${hint === '' ? 'allowed' : 'Allowed'} are ${words.join(', ')}`
}

function unexpected(text: string, expected: string): { readonly wrong: string } {
  return { wrong: `is ${quote(text)}: expected ${expected}` }
}
