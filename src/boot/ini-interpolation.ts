/*
 * Python's BasicInterpolation: `%%` is a percent sign, `%(name)s` the value of that option in the same
 * section or in [DEFAULT], expanded when it is asked for. Anything else after a `%` is refused, as is nesting
 * beyond ten values, which a circle always reaches.
 */
const MAX_DEPTH = 10
/**
 * Ten levels of a hundred references each would be more steps than a life has seconds; Python would just
 * hang.
 */
const MAX_STEPS = 100_000
const REFERENCE = /^%\(([^)]+)\)s/

/** The expanded text, or what is wrong with it. */
export type Expanded = { readonly value: string } | { readonly wrong: string }

/** Expands a value as Python does; `lookup` gives the raw value of a lower-cased option name. */
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
      // Two characters and no more: the rest may be a secret of Kytos.
      if (token === undefined)
        return `${JSON.stringify(text.slice(percent, percent + 2))} is invalid. Write a percent sign as %%, and a reference as %(name)s.`
      const value = lookup(name.toLowerCase())
      if (value === undefined)
        return `${JSON.stringify(token)} is not an option of this section or of [DEFAULT]. Write a percent sign as %%.`
      // A plain value takes no level of its own: the one below the tenth may still be plain.
      const wrong = value.includes('%') ? expand(value, depth + 1) : void parts.push(value)
      if (wrong !== undefined) return wrong
      at = percent + token.length
    }
    return undefined
  }

  const wrong = expand(raw, 1)
  return wrong === undefined ? { value: parts.join('') } : { wrong }
}
