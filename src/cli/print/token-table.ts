import { isArray, isObject, type Json, type JsonObject } from '../../../model/value.ts'
import { showTime } from '../terminal/print-answer.ts'
import { type Column, printTable } from '../terminal/table.ts'
import type { Terminal } from '../terminal/terminal.ts'

const LIMITS: readonly Column[] = [
  { head: 'Namespaces', cut: true },
  { head: 'Boxes', cut: true },
]

/** The table that `token list` prints. */
export function printTokens(tokens: readonly JsonObject[], terminal: Terminal): string {
  if (tokens.length === 0) return 'There are no tokens. "kytos-settings token create NAME" creates one.\n'
  // Most stores have no limited token, and the columns are wide.
  const isLimited = tokens.some(({ namespaces }) => namespaces !== undefined)
  const rows = tokens.map(({ id, name, rights, created_at, created_by, expires_at, namespaces, boxes }) => [
    String(id),
    String(name),
    isArray(rights) ? rights.join(',') : '',
    timeOf(created_at),
    isObject(created_by) ? String(created_by.name ?? '') : '',
    typeof expires_at === 'string' ? timeOf(expires_at) : 'never',
    ...(isLimited ? [limitOf(namespaces, namespaces), limitOf(namespaces, boxes)] : []),
  ])
  const columns: readonly Column[] = [
    'ID',
    { head: 'Name', cut: true },
    'Rights',
    'Created at',
    'Created by',
    'Expires at',
    ...(isLimited ? LIMITS : []),
  ]
  return printTable(columns, rows, terminal)
}

/** The patterns of a token, which has limits when it has `namespaces`. */
function limitOf(namespaces: Json | undefined, patterns: Json | undefined): string {
  if (namespaces === undefined) return 'all'
  return (isArray(patterns) && patterns.join(',')) || 'none'
}

function timeOf(value: unknown): string {
  return showTime(typeof value === 'string' ? value : undefined)
}
