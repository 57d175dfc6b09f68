import type { FoundNApp } from '../../host/discover.ts'

const COLUMNS = ['Status', 'NApp ID', 'Description'] as const

/**
 * The table that `kytos napps list` prints: `[ie]` installed and enabled, `[i-]` installed; the id is
 * `username/name:version`.
 */
export function printNApps(napps: readonly FoundNApp[], width = 120): string {
  if (napps.length === 0)
    return 'No NApps are installed. The next start links those in napps_pre_installed; "kytos-settings napps install FOLDER" installs others.\n'
  const rows = napps.map(({ id, enabled, manifest: { version, description = '' } }) => [
    enabled ? '[ie]' : '[i-]',
    version === undefined ? id : `${id}:${version}`,
    description.replaceAll(/\s+/g, ' '),
  ])
  const idWidth = longest([COLUMNS[1], ...rows.map(row => row[1])])
  const available = Math.max(COLUMNS[2].length, width - COLUMNS[0].length - idWidth - 6)
  const descriptionWidth = Math.min(available, longest([COLUMNS[2], ...rows.map(row => row[2])]))
  const widths = [COLUMNS[0].length, idWidth, descriptionWidth]
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => cut(cell, widths[i] ?? 0))
      .join(' | ')
      .trimEnd()
  const rule = widths.map(columns => '='.repeat(columns)).join('=+=')
  return [line(COLUMNS), rule, ...rows.map(line), '', 'Status: (i)nstalled, (e)nabled', ''].join('\n')
}

function longest(texts: readonly (string | undefined)[]): number {
  return Math.max(...texts.map(text => text?.length ?? 0))
}

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 3)}...` : text.padEnd(width)
}
