import { isArray, isObject, type JsonObject } from '../../../model/value.ts'
import { showTime } from '../terminal/print-answer.ts'
import { printTable } from '../terminal/table.ts'
import type { Terminal } from '../terminal/terminal.ts'

/** The table that `token list` prints. */
export function printTokens(tokens: readonly JsonObject[], terminal: Terminal): string {
  if (tokens.length === 0) return 'There are no tokens. "kytos-settings token create NAME" creates one.\n'
  const rows = tokens.map(({ id, name, rights, created_at, created_by, expires_at }) => [
    String(id),
    String(name),
    isArray(rights) ? rights.join(',') : '',
    timeOf(created_at),
    isObject(created_by) ? String(created_by.name ?? '') : '',
    typeof expires_at === 'string' ? timeOf(expires_at) : 'never',
  ])
  const columns = [
    'ID',
    { head: 'Name', cut: true },
    'Rights',
    'Created at',
    'Created by',
    'Expires at',
  ] as const
  return printTable(columns, rows, terminal)
}

function timeOf(value: unknown): string {
  return showTime(typeof value === 'string' ? value : undefined)
}
