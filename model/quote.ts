import { printJson } from './json.ts'
import { toJson } from './value.ts'

/** The longest quotation, in characters. */
const MAX_CHARS = 120

/** Quotes any value for a message: its JSON, cut at 120 characters, or its type. Never throws. */
export function quote(value: unknown): string {
  if (value === undefined) return 'undefined'
  let text: string
  try {
    text = printJson(toJson(typeof value === 'string' ? value.slice(0, MAX_CHARS + 1) : value))
  } catch {
    text = `a ${typeof value} that JSON cannot represent` // the caller rejects the value
  }
  return text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS - 3)}...` : text
}

/** A text as one word of a POSIX shell, quoted if necessary. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
