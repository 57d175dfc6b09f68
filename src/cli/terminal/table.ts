import stringWidth from 'string-width'
import { type Style, sanitize, type Terminal } from './terminal.ts'

/** A cell of a table, with an optional style. */
export type Cell = string | { readonly text: string; readonly style: Style }

/** A column by its head; a column with `cut` is shortened before any other. */
export type Column = string | { readonly head: string; readonly cut: true }

const GAP = '  '
/** Minimum width of a cut column in characters. */
const MIN_COLUMN_CHARACTERS = 8
/** Minimum width of any other column but the first, which names the row and is cut last. */
const MIN_HEAD_CHARACTERS = 4
/**
 * Maximum width of a column with `cut` without a terminal, so that one value of 256 KiB does not widen every
 * row.
 */
const MAX_COLUMN_CHARACTERS = 1_000

/** Prints aligned rows under their heads; on a terminal the widest columns are cut until each line fits. */
export function printTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  terminal: Terminal,
): string {
  const heads = columns.map(column => (typeof column === 'string' ? column : column.head))
  const texts = rows.map(row => row.map(cell => sanitize(textOf(cell))))
  const widths = narrow(
    heads.map((head, column) =>
      Math.max(stringWidth(head), ...texts.map(row => stringWidth(row[column] ?? ''))),
    ),
    columns.map(column => typeof column !== 'string'),
    terminal.width,
  )
  const line = (cells: readonly string[], styles: readonly (Style | undefined)[]): string => {
    const last = cells.findLastIndex(cell => cell !== '')
    const shown = cells.slice(0, last + 1).map((cell, column) => {
      const width = widths[column] ?? 0
      const text = cut(cell, width)
      const style = styles[column]
      const padding = column === last ? '' : ' '.repeat(Math.max(0, width - stringWidth(text)))
      return (style ? terminal.style(style, text) : text) + padding
    })
    return `${shown.join(GAP)}\n`
  }
  const head = line(
    heads,
    heads.map(() => 'bold'),
  )
  return head + texts.map((row, i) => line(row, rows[i]?.map(styleOf) ?? [])).join('')
}

/** A text of at most this many columns; an ellipsis replaces the rest. */
export function cut(text: string, width: number): string {
  if (stringWidth(text) <= width) return text
  let kept = ''
  let used = 0
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    used += stringWidth(segment)
    if (used > width - 1) break
    kept += segment
  }
  return `${kept}…`
}

function narrow(
  widths: readonly number[],
  mayBeCut: readonly boolean[],
  width: number | undefined,
): readonly number[] {
  const fitted = [...widths]
  const isNoName = widths.map((_, column) => column > 0)
  if (width === undefined)
    return fitted.map((one, column) => (mayBeCut[column] ? Math.min(one, MAX_COLUMN_CHARACTERS) : one))
  const available = width - GAP.length * (widths.length - 1)
  for (let over = fitted.reduce((sum, one) => sum + one, 0) - available; over > 0; over--) {
    const widest =
      widestOf(fitted, mayBeCut, MIN_COLUMN_CHARACTERS) ??
      widestOf(fitted, isNoName, MIN_HEAD_CHARACTERS) ??
      widestOf(fitted, undefined, MIN_COLUMN_CHARACTERS)
    if (widest === undefined) break
    fitted[widest] = (fitted[widest] ?? 0) - 1
  }
  return fitted
}

/** The widest column above a minimum, among the given ones or all; undefined without one. */
function widestOf(
  widths: readonly number[],
  of: readonly boolean[] | undefined,
  min: number,
): number | undefined {
  const candidates = widths.map((width, column) => (of && !of[column] ? 0 : width))
  const most = Math.max(...candidates)
  return most > min ? candidates.indexOf(most) : undefined
}

function textOf(cell: Cell): string {
  return typeof cell === 'string' ? cell : cell.text
}

function styleOf(cell: Cell): Style | undefined {
  return typeof cell === 'string' ? undefined : cell.style
}
