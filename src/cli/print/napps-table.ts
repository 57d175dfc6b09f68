import type { NAppStatus } from '../../../events/nouns.ts'
import type { FoundNApp } from '../../host/discover.ts'
import { sanitize } from '../terminal/terminal.ts'

const STATUS = 'Status'
const ID = 'NApp ID'
const STATE = 'State'
const DESCRIPTION = 'Description'

/**
 * The table that `kytos napps list` prints: `[ie]` installed and enabled, `[i-]` installed; the id is
 * `username/name:version`. The states of a running service have a column. Below the table is the reason of
 * each NApp that does not run as installed.
 */
export function printNApps(
  napps: readonly FoundNApp[],
  states?: ReadonlyMap<string, NAppStatus>,
  width = 120,
): string {
  if (napps.length === 0)
    return 'No NApps are installed. The next start links those in napps_pre_installed; "kytos-settings napps install FOLDER" installs others.\n'
  const rows = napps.map(({ id, enabled, manifest: { version, description = '' } }) => [
    enabled ? '[ie]' : '[i-]',
    version === undefined ? id : `${id}:${version}`,
    ...(states ? [showState(states.get(id))] : []),
    description.replaceAll(/\s+/g, ' '),
  ])
  const head = [STATUS, ID, ...(states ? [STATE] : []), DESCRIPTION]
  const widths = head.map((name, i) => Math.max(name.length, ...rows.map(row => row[i]?.length ?? 0)))
  const last = widths.length - 1
  const used = widths.slice(0, last).reduce((sum, columns) => sum + columns + 3, 0)
  widths[last] = Math.min(widths[last] ?? 0, Math.max(DESCRIPTION.length, width - used))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => cut(cell, widths[i] ?? 0))
      .join(' | ')
      .trimEnd()
  const rule = widths.map(columns => '='.repeat(columns)).join('=+=')
  const legend = ['', 'Status: (i)nstalled, (e)nabled', '']
  return [line(head), rule, ...rows.map(line), ...legend].join('\n') + printReasons(states)
}

function showState(state: NAppStatus | undefined): string {
  if (state === undefined) return '-'
  return state.state === 'running' && state.reason !== null ? 'running, old' : state.state
}

function printReasons(states: ReadonlyMap<string, NAppStatus> | undefined): string {
  const lines = [...(states?.values() ?? [])].flatMap(state => {
    const problem = explainNApp(state)
    return problem === undefined ? [] : [sanitize(`${state.napp} ${problem}`)]
  })
  return lines.length === 0 ? '' : `\n${lines.join('\n')}\n`
}

/** The problem of a NApp as the rest of a sentence; undefined for one that runs or waits for its turn. */
export function explainNApp({ state, version, reason }: NAppStatus): string | undefined {
  if (reason === null) return undefined
  if (state === 'starting') return `cannot start yet: ${reason}`
  if (state === 'failed') return `failed to start: ${reason}`
  return `runs in ${version === null ? 'its previous version' : `version ${version}`}: ${reason}`
}

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 3)}...` : text.padEnd(width)
}
