import { isIP } from 'node:net'
import { closestMatch } from 'leven'
import { isSettingsError } from '../../model/errors.ts'
import { parseJson } from '../../model/json.ts'
import { isControllerId } from '../../model/namespace.ts'
import { isPermission, PERMISSIONS, type Permission } from '../../model/permissions.ts'
import { isArray } from '../../model/value.ts'
import { quote } from './problems.ts'

/**
 * What a value's text means, or what is wrong with it: a phrase that goes on after "`key`", without its full
 * stop.
 */
export type Reading<Value> = { readonly value: Value } | { readonly wrong: string }

/** One type of values in kytos.ini: how help and documentation call it, and how a text is read. */
export interface ValueType<Value> {
  readonly name: string
  /** True when a relative text starts at the file's folder. */
  readonly path?: true
  read(text: string): Reading<Value>
}

/** The backends of this package that `[settings] backend` may name, the default first. */
export const BACKENDS = ['filesystem', 'etcd'] as const
export type BackendName = (typeof BACKENDS)[number]

/** The name of a package, perhaps with the path of a module that it exports. */
const PACKAGE = /^(?:@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*(?:\/[\w.-]+)*$/
const HOST_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$/
/** As Kytos installs them: `username/name`, perhaps of a repository or a version. */
const NAPP = /^(?:(?:https?|file):\/\/\S+\/)?[A-Za-z0-9][\w.-]{0,63}\/[A-Za-z0-9][\w.-]{0,63}(?::\S+)?$/
const PREFIX = /^(?:\/[^/\s\p{Cc}]+)+$/u
/** Less than a command waits for its answer. */
const MAX_WAIT_SECONDS = 20
const SECONDS_PER_DAY = 86_400
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['1', 'yes', 'true', 'on'].map(word => [word, true] as const),
  ...['0', 'no', 'false', 'off'].map(word => [word, false] as const),
])

/** Any text that is not empty. */
export const TEXT: ValueType<string> = { name: 'text', read: text => ({ value: text }) }

/** A file or folder; its text is made absolute by whoever knows the file's folder. */
export const PATH: ValueType<string> = {
  name: 'path',
  path: true,
  read: text => (/\p{Cc}/u.test(text) ? unexpected(text, 'a path on one line') : { value: text }),
}

/** An IP address or a host name. */
export const HOST: ValueType<string> = {
  name: 'host',
  read: text =>
    isIP(text) || HOST_NAME.test(text)
      ? { value: text }
      : unexpected(text, 'an IP address or a host name, without a port'),
}

/** A TCP port; 0 has the system choose a free one. */
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

/** Seconds that somebody waits for an answer meanwhile, so few that he still does. */
export const SHORT_SECONDS: ValueType<number> = {
  name: 'seconds',
  read: text => {
    const seconds = /^\d{1,2}(?:\.\d+)?$/.test(text) ? Number(text) : 0
    return seconds > 0 && seconds <= MAX_WAIT_SECONDS
      ? { value: seconds }
      : unexpected(text, `seconds, above 0 and at most ${MAX_WAIT_SECONDS}, such as 2`)
  },
}

/** Seconds between two times, a day at most; 0 for never. */
export const PERIOD: ValueType<number> = {
  name: 'seconds, 0 for never',
  read: text => {
    const seconds = /^\d{1,6}(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN
    return seconds <= SECONDS_PER_DAY
      ? { value: seconds }
      : unexpected(text, `seconds, at most ${SECONDS_PER_DAY}, such as 300, or 0 for never`)
  },
}

/** As Python's getboolean. */
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
    return {
      wrong: `is ${quote(text)}; ${hint}${hint === '' ? 'allowed' : 'Allowed'} are ${BACKENDS.join(', ')}, ${others}`,
    }
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

/** A JSON list of NApp ids. */
export const NAPPS: ValueType<readonly string[]> = {
  name: 'JSON list of NApp ids',
  read: text =>
    readList(text, '["kytos/settings"]', napp =>
      NAPP.test(napp) ? undefined : `${quote(napp)} is not a NApp id such as "kytos/settings"`,
    ),
}

/** A JSON list of host names and addresses, each as a Host header has it, without a port. */
export const HOSTS: ValueType<readonly string[]> = {
  name: 'JSON list of host names',
  read: text =>
    readList(text, '["controller-1.example.org"]', host =>
      isIP(host) || HOST_NAME.test(host)
        ? undefined
        : `${quote(host)} is not an IP address or a host name, without a port`,
    ),
}

/** A JSON list of rights. */
export const PERMISSION_LIST: ValueType<readonly Permission[]> = {
  name: 'JSON list of permissions',
  read: text => {
    const reading = readList(text, '["read", "write"]', right =>
      isPermission(right) ? undefined : `${quote(right)} is not a permission; ${allowed(right, PERMISSIONS)}`,
    )
    return 'wrong' in reading ? reading : { value: reading.value.filter(isPermission) }
  },
}

/** A JSON list of etcd endpoints: at least one, all of one scheme. */
export const ENDPOINTS: ValueType<readonly string[]> = {
  name: 'JSON list of URLs',
  read: text => {
    const reading = readList(text, '["http://127.0.0.1:2379"]', endpointProblem)
    if ('wrong' in reading) return reading
    if (reading.value.length === 0)
      return { wrong: 'is an empty list: add at least one URL, such as ["http://127.0.0.1:2379"]' }
    const secure = reading.value.filter(url => url.startsWith('https:')).length
    if (secure > 0 && secure < reading.value.length)
      return { wrong: 'mixes http:// and https://: use the same one for all URLs' }
    return reading
  },
}

/** The first part of etcd keys. */
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

/** One of a few words; a misspelt one is told the nearest. */
export function choice<const Word extends string>(...words: readonly Word[]): ValueType<Word> {
  return {
    name: words.join(' or '),
    read: text => {
      const value = words.find(word => word === text)
      return value === undefined ? { wrong: `is ${quote(text)}; ${allowed(text, words)}` } : { value }
    },
  }
}

/** "did you mean ...? Allowed are ...": what to say about a word that is none of `words`. */
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

function readList(
  text: string,
  example: string,
  why: (item: string) => string | undefined,
): Reading<readonly string[]> {
  // The text is not repeated: a URL in it may hold a password.
  const noList = { wrong: `is not a JSON list of strings: write it as ${example}` }
  try {
    const list = parseJson(text)
    if (!isArray(list)) return noList
    const items = list.filter(item => typeof item === 'string')
    if (items.length < list.length) return noList
    const wrong = items.map(why).filter(reason => reason !== undefined)
    return wrong.length > 0 ? { wrong: `is invalid: ${wrong.join('; ')}` } : { value: items }
  } catch (error) {
    if (isSettingsError(error, 'JSON_MALFORMED')) return noList
    throw error
  }
}

function endpointProblem(text: string): string | undefined {
  if (text.includes('@')) return 'a URL contains a user: use username and password_file instead'
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    return `${quote(text)} is not a URL that starts with http:// or https://`
  if (!/^https?:\/\/[^/?#]+:\d+$/.test(text))
    return `${quote(text)} must be scheme, host and port only, such as ${url.protocol}//${url.hostname}:2379`
  return undefined
}
