import { SettingsError } from '../model/errors.ts'

/** The longest event name, in characters. */
export const MAX_NAME_LENGTH = 512

/**
 * A regular expression that matches whole names only, as in Kytos. The flags `g` and `y` are removed, because
 * with them a match depends on the previous one.
 */
export function compilePattern(pattern: RegExp): RegExp {
  return new RegExp(`^(?:${pattern.source})$`, pattern.flags.replace(/[gy]/g, ''))
}

/**
 * @throws SettingsError CONTENT_MALFORMED unless the value is an event name: not a string, empty, `*`, too
 * long or with control characters.
 */
export function checkEventName(name: unknown): asserts name is string {
  if (
    typeof name === 'string' &&
    name !== '' &&
    name !== '*' &&
    name.length <= MAX_NAME_LENGTH &&
    !/[\u0000-\u001f\u007f]/.test(name)
  )
    return
  const got = typeof name === 'string' ? JSON.stringify(name.slice(0, 80)) : String(name)
  throw new SettingsError(
    'CONTENT_MALFORMED',
    `${got} is not an event name: a name has 1 to ${MAX_NAME_LENGTH} characters, no control characters, and is not "*" (to receive all events, listen to /.*/).`,
  )
}

/**
 * Targets by the pattern of the names they listen to. Patterns are compiled once; matches are cached for the
 * last `limit` names.
 */
export class PatternTable<Target> {
  readonly #patterns = new Map<Target, RegExp>()
  readonly #matches = new Map<string, readonly Target[]>()
  readonly #limit: number

  constructor(limit = 1_000) {
    this.#limit = limit
  }

  get size(): number {
    return this.#patterns.size
  }

  /** The number of names whose matches are cached. */
  get cachedNames(): number {
    return this.#matches.size
  }

  add(pattern: RegExp, target: Target): void {
    this.#patterns.set(target, compilePattern(pattern))
    this.#matches.clear()
  }

  remove(target: Target): void {
    if (this.#patterns.delete(target)) this.#matches.clear()
  }

  /** All targets, in the order in which they were added. */
  targets(): Iterable<Target> {
    return this.#patterns.keys()
  }

  /** The targets whose pattern matches the whole name, in the order in which they were added. */
  match(name: string): readonly Target[] {
    const known = this.#matches.get(name)
    if (known) return known
    const found: Target[] = []
    for (const [target, pattern] of this.#patterns) if (pattern.test(name)) found.push(target)
    if (this.#matches.size >= this.#limit) {
      const [oldest] = this.#matches.keys()
      if (oldest !== undefined) this.#matches.delete(oldest)
    }
    this.#matches.set(name, found)
    return found
  }
}
