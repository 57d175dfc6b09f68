/*
 * White space by the definition of Python's `str.strip` and `\s`. In contrast to JavaScript's, it includes
 * the four information separators and NEL, but not the byte order mark. The loops replace patterns, because a
 * pattern such as /\s+$/ is quadratic on a long run of spaces.
 */
const SPACE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/

/** The number of white space characters at the start of the text. */
export function indentOf(text: string): number {
  let start = 0
  while (start < text.length && SPACE.test(text.charAt(start))) start++
  return start
}

/** The text without white space at its end. */
export function stripEnd(text: string): string {
  let end = text.length
  while (end > 0 && SPACE.test(text.charAt(end - 1))) end--
  return text.slice(0, end)
}

/** The text without white space at both ends. */
export function strip(text: string): string {
  return stripEnd(text.slice(indentOf(text)))
}
