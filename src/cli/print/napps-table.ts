import type { FoundNApp } from '../../host/discover.ts'

const HEAD = ['Status', 'NApp ID', 'Description'] as const

/**
 * The table that `kytos napps list` prints: `[ie]` installed and enabled, `[i-]` installed; the id is
 * `username/name:version`.
 */
export function printTable(napps: readonly FoundNApp[], width = 120): string {
  if (napps.length === 0)
    return 'No NApps are installed. The next start links those in napps_pre_installed; "kytos-settings napps install FOLDER" installs others.\n'
  const rows = napps.map(({ id, enabled, manifest: { version, description = '' } }) => [
    enabled ? '[ie]' : '[i-]',
    version === undefined ? id : `${id}:${version}`,
    description.replaceAll(/\s+/g, ' '),
  ])
  const idWidth = longest([HEAD[1], ...rows.map(row => row[1])])
  const room = Math.max(HEAD[2].length, width - HEAD[0].length - idWidth - 6)
  const descriptionWidth = Math.min(room, longest([HEAD[2], ...rows.map(row => row[2])]))
  const widths = [HEAD[0].length, idWidth, descriptionWidth]
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => cut(cell, widths[i] ?? 0))
      .join(' | ')
      .trimEnd()
  const rule = widths.map(columns => '='.repeat(columns)).join('=+=')
  return [line(HEAD), rule, ...rows.map(line), '', 'Status: (i)nstalled, (e)nabled', ''].join('\n')
}

function longest(texts: readonly (string | undefined)[]): number {
  return Math.max(...texts.map(text => text?.length ?? 0))
}

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 3)}...` : text.padEnd(width)
}
