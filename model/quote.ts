import { printJson } from './json.ts'
import { toJson } from './value.ts'

/** The longest quotation, in characters. */
const LONGEST = 120

/**
 * Any value as a short text for a message: its JSON, cut at 120 characters, or what kind of thing it is.
 * Never throws.
 */
export function quote(value: unknown): string {
  if (value === undefined) return 'undefined'
  let text: string
  try {
    text = printJson(toJson(typeof value === 'string' ? value.slice(0, LONGEST + 1) : value))
  } catch {
    text = `a ${typeof value} that JSON cannot represent` // the caller refuses the value and says what is allowed
  }
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 3)}...` : text
}
