import type { SettingMode, SettingWay } from '../../import/apply/apply-modes.ts'
import { counted } from '../terminal/counted.ts'
import { sanitize } from '../terminal/terminal.ts'

/** The reason for the mode, as the table shows it. */
const REASONS: Readonly<Record<SettingWay, string>> = {
  attribute: 'read where it is used',
  importers: 'imported by name, read where it is used',
  loop: 'interval of execute_as_loop',
  derived: 'another setting is made of it',
  captured: 'kept while the NApp starts',
  stored: 'kept in an object',
  module: 'evaluated at import',
  class: 'evaluated at import, in a class',
  default: 'evaluated at import, as a default argument',
  decorator: 'evaluated at import, in a decorator',
  other: 'captured by another NApp',
  assigned: 'changed by the NApp',
  dynamic: 'the code does not show the use',
  unread: 'a file could not be read',
  unused: 'no use found',
}
const HEADER = ['NAPP', 'SETTING', 'APPLY', 'REASON', 'PLACE']

/** The modes of settings as a table, and their totals. */
export function printSettingModes(modes: readonly SettingMode[]): string {
  const rows = modes.map(({ namespace, name, apply, way, decides = '' }) =>
    [namespace, name, apply, REASONS[way], decides].map(sanitize),
  )
  const widths = HEADER.map((title, column) =>
    rows.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), title.length),
  )
  const lines = [HEADER, ...rows].map(row =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  const sums = (['live', 'reload', 'restart'] as const).map(
    mode => `${modes.filter(({ apply }) => apply === mode).length} ${mode}`,
  )
  return `${lines.join('\n')}\n${counted(modes.length, 'setting')}: ${sums.join(', ')}.\n`
}
