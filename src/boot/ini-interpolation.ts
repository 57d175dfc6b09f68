/*
 * Python's BasicInterpolation: `%%` is a percent sign, `%(name)s` the value of that option in the same
 * section or in [DEFAULT], expanded when it is read. Anything else after a `%` is rejected, as is nesting
 * beyond ten values, which every cycle reaches.
 */
const MAX_DEPTH = 10
/** The limit of expanded parts, because ten levels of a hundred references each would never end. */
const MAX_STEPS = 100_000
const REFERENCE = /^%\(([^)]+)\)s/

/** The expanded text, or its problem. */
export type Expanded = { readonly value: string } | { readonly wrong: string }

/** Expands a value as Python does; `lookup` returns the raw value of a lower-case option name. */
export function interpolate(raw: string, lookup: (name: string) => string | undefined): Expanded {
  const parts: string[] = []
  let steps = 0

  const expand = (text: string, depth: number): string | undefined => {
    if (depth > MAX_DEPTH)
      return `its %(name)s references nest deeper than ${MAX_DEPTH} levels. Check for a cycle.`
    for (let at = 0; at < text.length; ) {
      if (++steps > MAX_STEPS)
        return `its %(name)s references expand to more than ${MAX_STEPS} parts. Write the value out.`
      const percent = text.indexOf('%', at)
      if (percent < 0) {
        parts.push(text.slice(at))
        return undefined
      }
      parts.push(text.slice(at, percent))
      if (text.charAt(percent + 1) === '%') {
        parts.push('%')
        at = percent + 2
        continue
      }
      const [token, name = ''] = REFERENCE.exec(text.slice(percent)) ?? []
      // Only two characters are shown, because the rest may be a secret of Kytos.
      if (token === undefined) {
        const invalid = JSON.stringify(text.slice(percent, percent + 2))
        return `${invalid} is invalid. Write a percent sign as %%, and a reference as %(name)s.`
      }
      const value = lookup(name.toLowerCase())
      if (value === undefined) {
        const where = 'is not an option of this section or of [DEFAULT]'
        return `${JSON.stringify(token)} ${where}. Write a percent sign as %%.`
      }
      // A plain value adds no level, so that the value below the tenth level may still be plain.
      const wrong = value.includes('%') ? expand(value, depth + 1) : void parts.push(value)
      if (wrong !== undefined) return wrong
      at = percent + token.length
    }
    return undefined
  }

  const wrong = expand(raw, 1)
  return wrong === undefined ? { value: parts.join('') } : { wrong }
}
