import { type ImportReport, type ReportItem, showBriefly } from '../../import/report.ts'
import { sanitize } from '../terminal/terminal.ts'

/** The report of an import as text: one line for each changed or skipped item, and totals. */
export function printImportReport({ items, counts, dry_run }: ImportReport): string {
  const rows = items
    .filter(({ action }) => action !== 'same')
    .map(item => [item.action, subject(item), place(item), remark(item)].map(sanitize))
  const widths = [0, 1, 2].map(column =>
    rows.reduce(
      (width, row) => Math.min(MAX_COLUMN_CHARACTERS, Math.max(width, row[column]?.length ?? 0)),
      0,
    ),
  )
  const lines = rows.map(row =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  const sum = (['new', 'changed', 'same', 'skipped'] as const)
    .map(action => `${counts[action]} ${action}`)
    .join(', ')
  return `${[...lines, `${dry_run ? 'Planned: ' : ''}${sum}.${dry_run ? ' Nothing was written.' : ''}`].join('\n')}\n`
}

/** Maximum width of a column in characters. */
const MAX_COLUMN_CHARACTERS = 60

function subject({ kind, namespace, name }: ReportItem): string {
  if (kind === 'file') return namespace ?? '-'
  return `${namespace ?? ''} ${name ?? ''}`.trim()
}

function place({ file, line }: ReportItem): string {
  return line === undefined ? file : `${file}:${line}`
}

function remark(item: ReportItem): string {
  const { action, kind, layer, reason } = item
  if (kind !== 'setting' || action === 'skipped') return reason ?? ''
  const value = [
    layer ?? '',
    action === 'changed' && item.old !== undefined ? `${showBriefly(item.old)} ->` : '',
    printNewValue(item),
  ]
  return [value.filter(text => text !== '').join(' '), ...(reason === undefined ? [] : [reason])].join('; ')
}

function printNewValue({ new: value }: ReportItem): string {
  return value === undefined ? '(a secret)' : showBriefly(value)
}
