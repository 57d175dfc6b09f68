import { printJson } from '../../model/json.ts'
import type { ImportReport, ReportItem } from '../import/report.ts'

/** What an import did, for people: a line for each thing that is not as it was before, or was left out, and a sum. */
export function printImportReport({ items, counts, dry_run }: ImportReport): string {
  const rows = items.filter(({ action }) => action !== 'same').map(item => [item.action, subject(item), place(item), remark(item)] as const)
  const widths = [0, 1, 2].map(column => Math.min(WIDEST, Math.max(0, ...rows.map(row => row[column]?.length ?? 0))))
  const lines = rows.map(row =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  const sum = (['new', 'changed', 'same', 'skipped'] as const).map(action => `${counts[action]} ${action}`).join(', ')
  return `${[...lines, `${dry_run ? 'It would be ' : ''}${sum}.${dry_run ? ' Nothing was written.' : ''}`].join('\n')}\n`
}

/** No column grows wider for one long name. */
const WIDEST = 50
const LONGEST_VALUE = 60

function subject({ kind, namespace, name }: ReportItem): string {
  if (kind === 'file') return namespace ?? '-'
  return `${namespace ?? ''} ${name ?? ''}`.trim()
}

function place({ file, line }: ReportItem): string {
  return line === undefined ? file : `${file}:${line}`
}

function remark({ reason, layer, new: value }: ReportItem): string {
  const shown = value === undefined || reason !== undefined ? '' : printJson(value)
  const said = shown.length > LONGEST_VALUE ? `${shown.slice(0, LONGEST_VALUE - 3)}...` : shown
  return [layer === 'default' && reason === undefined ? 'default' : '', said, reason ?? ''].filter(text => text !== '').join(' ')
}
