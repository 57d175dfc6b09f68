import type { Json } from '../../../model/value.ts'

const SECRET =
  /(?:^|_)(?:pass|password|passwd|passphrase|pwd|secret|secret_key|token|credentials?|api_?key|private_?key|access_?key|auth_?key)s?$/
/** A URL with a password in it. */
const LOGIN = /^[a-z][a-z\d+.-]*:\/\/[^/\s:@]*:[^/\s@]+@/i

/**
 * True for a text (or nothing yet) whose name says that it is a secret, and for a URL with a password in it.
 */
export function isSensitive(name: string, value: Json): boolean {
  if (typeof value === 'string' && LOGIN.test(value)) return true
  const words = name
    .replaceAll(/([a-z\d])([A-Z])/g, '$1_$2')
    .replaceAll('-', '_')
    .toLowerCase()
  return (value === null || typeof value === 'string') && SECRET.test(words)
}
