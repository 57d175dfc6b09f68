import stringWidth from 'string-width'
import { harmless, type Paper, type Style } from './paper.ts'

/** What stands in a place of a table, in a style or none. */
export type Cell = string | { readonly text: string; readonly style: Style }

const GAP = '  '
/** A column is not cut below this many characters. */
const NARROWEST = 8

/** Prints rows under their heads, aligned; on a terminal the widest columns are cut until a line fits. */
export function printTable(heads: readonly string[], rows: readonly (readonly Cell[])[], paper: Paper): string {
  const texts = rows.map(row => row.map(cell => harmless(textOf(cell))))
  const widths = narrow(
    heads.map((head, column) => Math.max(stringWidth(head), ...texts.map(row => stringWidth(row[column] ?? '')))),
    paper.width,
  )
  const line = (cells: readonly string[], styles: readonly (Style | undefined)[]): string => {
    const last = cells.findLastIndex(cell => cell !== '')
    const shown = cells.slice(0, last + 1).map((cell, column) => {
      const width = widths[column] ?? 0
      const text = cut(cell, width)
      const style = styles[column]
      const padding = column === last ? '' : ' '.repeat(Math.max(0, width - stringWidth(text)))
      return (style ? paper.paint(style, text) : text) + padding
    })
    return `${shown.join(GAP)}\n`
  }
  const head = line(
    heads,
    heads.map(() => 'bold'),
  )
  return head + texts.map((row, i) => line(row, rows[i]?.map(styleOf) ?? [])).join('')
}

/** A text that takes no more than this many columns; what is cut off shows as an ellipsis. */
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

function narrow(widths: readonly number[], width: number | undefined): readonly number[] {
  const fitted = [...widths]
  if (width === undefined) return fitted
  const room = width - GAP.length * (widths.length - 1)
  for (let over = fitted.reduce((sum, one) => sum + one, 0) - room; over > 0; over--) {
    // The first one says what a row is about: it is the last to be cut.
    const others = fitted.slice(1)
    const widest = Math.max(...others) > NARROWEST ? 1 + others.indexOf(Math.max(...others)) : 0
    const now = fitted[widest] ?? 0
    if (now <= NARROWEST) break
    fitted[widest] = now - 1
  }
  return fitted
}

function textOf(cell: Cell): string {
  return typeof cell === 'string' ? cell : cell.text
}

function styleOf(cell: Cell): Style | undefined {
  return typeof cell === 'string' ? undefined : cell.style
}
