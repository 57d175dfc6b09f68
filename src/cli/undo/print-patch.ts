import { createTwoFilesPatch } from 'diff'
import { printCanonical } from '../../../model/canonical.ts'
import { parseJson, printJson } from '../../../model/json.ts'
import type { JsonObject } from '../../../model/value.ts'
import { type Style, sanitize, type Terminal } from '../terminal/terminal.ts'

/** Settings at one side of a comparison. */
export interface Side {
  readonly data: JsonObject
  readonly label: string
}

const STYLES: Readonly<Record<string, Style>> = { '+': 'green', '-': 'red', '@': 'cyan' }

/**
 * The lines in which two values differ, in the format of `diff -u`, coloured on a terminal; empty for equal
 * values.
 */
export function printPatch(name: string, from: Side, to: Side, terminal: Terminal): string {
  const [before, after] = [printSorted(from.data), printSorted(to.data)]
  if (before === after) return ''
  // The first line only underlines the missing name of an index.
  const [, ...lines] = createTwoFilesPatch(
    `${name} ${from.label}`,
    `${name} ${to.label}`,
    before,
    after,
    undefined,
    undefined,
    { context: 3 },
  ).split('\n')
  return lines.map((line, i) => styleLine(sanitize(line), i < 2, terminal)).join('\n')
}

function styleLine(line: string, isHead: boolean, terminal: Terminal): string {
  const style = isHead ? 'bold' : STYLES[line[0] ?? '']
  return style ? terminal.style(style, line) : line
}

/**
 * Brackets are on lines of their own also in an empty object, so that each added member is a line of its own.
 */
function printSorted(data: JsonObject): string {
  return Object.keys(data).length === 0 ? '{\n}\n' : `${printJson(parseJson(printCanonical(data)), 2)}\n`
}
