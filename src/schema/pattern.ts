import { RE2JS } from 're2js'
import { translatePattern } from './pattern-dialect.ts'
import { PatternRefused } from './pattern-property.ts'

/** The largest program of a pattern, in instructions. */
export const PATTERN_INSTRUCTIONS = 1_000
/** The longest pattern, in characters. */
export const PATTERN_LENGTH = 4_096

/** A pattern of a schema, compiled. */
export interface Pattern {
  /** The highest cost of one character of a text, in instructions. */
  readonly instructions: number
  /** True when a part of the text matches. */
  readonly test: (text: string) => boolean
}

/**
 * Compiles a pattern for RE2, whose time is linear in the text for every pattern.
 * @throws PatternRefused for syntax that RE2 lacks, and for a program above {@link PATTERN_INSTRUCTIONS}.
 */
export function compilePattern(pattern: string): Pattern {
  if (pattern.length > PATTERN_LENGTH)
    throw new PatternRefused(`it has ${pattern.length} characters; ${PATTERN_LENGTH} are allowed`)
  const compiled = compile(translatePattern(pattern))
  const instructions = compiled.programSize()
  if (instructions > PATTERN_INSTRUCTIONS)
    throw new PatternRefused(
      `its program has ${instructions} instructions; ${PATTERN_INSTRUCTIONS} are allowed: use smaller repetitions or fewer alternatives`,
    )
  return { instructions, test: text => compiled.test(text) }
}

function compile(translated: string): RE2JS {
  try {
    return RE2JS.compile(translated)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new PatternRefused(`RE2 does not accept it (${reason.replace('error parsing regexp: ', '')})`)
  }
}
