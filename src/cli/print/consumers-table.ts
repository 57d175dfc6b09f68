import type { ConsumerState } from '../../../events/commands/consumer-nouns.ts'
import { type Cell, printTable } from '../terminal/table.ts'
import type { Terminal } from '../terminal/terminal.ts'

const STYLES = { applied: 'green', pending: 'yellow', stale: 'yellow', refused: 'red' } as const

/** A table of the NApps that use settings: on which controller, which revision, and the reason if it is not applied. */
export function printConsumers(
  consumers: readonly ConsumerState[],
  more: number,
  terminal: Terminal,
): string {
  const rows = consumers.map(({ napp, namespace, controller, status, revision, reason }): Cell[] => [
    napp === namespace ? napp : `${napp} (${namespace})`,
    controller,
    { text: status, style: STYLES[status] },
    revision,
    reason ?? '',
  ])
  const rest = more > 0 ? `Further NApps that are not listed: ${more}.\n` : ''
  return `${printTable(['NApp', 'Controller', 'Settings', 'Revision', { head: 'Reason', cut: true }], rows, terminal)}${rest}`
}
