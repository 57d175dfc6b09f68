import type { JsonObject } from '../../../model/value.ts'
import { isArray } from '../../../model/value.ts'
import { sanitize } from '../terminal/terminal.ts'

const COLUMNS = ['ID', 'Name', 'Rights', 'Created at', 'Created by', 'Expires at']

/** The table that `token list` prints. */
export function printTokens(tokens: readonly JsonObject[]): string {
  if (tokens.length === 0) return 'There are no tokens. "kytos-settings token create NAME" creates one.\n'
  const rows = tokens.map(({ id, name, rights, created_at, created_by, expires_at }) => [
    id,
    name,
    isArray(rights) ? rights.join(',') : '',
    created_at,
    typeof created_by === 'object' && created_by !== null && 'name' in created_by ? created_by.name : '',
    expires_at ?? 'never',
  ])
  const lines = [COLUMNS, ...rows].map(row => row.map(cell => sanitize(String(cell))))
  const widths = COLUMNS.map((_, column) => Math.max(...lines.map(line => line[column]?.length ?? 0)))
  return lines
    .map(
      line =>
        `${line
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}
