import { isSettingsError } from '../../model/errors.ts'
import { parseJson } from '../../model/json.ts'
import { isPermission, PERMISSIONS, type Permission } from '../../model/permissions.ts'
import { isArray } from '../../model/value.ts'
import { allowed, isHost, type Reading, type ValueType } from './config-values.ts'
import { quote } from './problems.ts'

/** A NApp as Kytos installs it: `username/name`, optionally with a repository or a version. */
const NAPP = /^(?:(?:https?|file):\/\/\S+\/)?[A-Za-z0-9][\w.-]{0,63}\/[A-Za-z0-9][\w.-]{0,63}(?::\S+)?$/

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
      isHost(host) ? undefined : `${quote(host)} is not an IP address or a host name, without a port`,
    ),
}

/** A JSON list of permissions. */
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

function readList(
  text: string,
  example: string,
  why: (item: string) => string | undefined,
): Reading<readonly string[]> {
  // The text is not repeated, because a URL in it may contain a password.
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
