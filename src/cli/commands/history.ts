import type { Command } from 'commander'
import { differences } from '../../../events/differences.ts'
import type { HistoryRecord } from '../../../events/nouns.ts'
import { showDifference } from '../print/show-difference.ts'
import type { AddressOptions } from '../service/address.ts'
import { addServiceOptions, withService } from '../service/service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { parseCount } from '../terminal/parse-count.ts'
import { printAnswer, showTime } from '../terminal/print-answer.ts'
import { type Cell, printTable } from '../terminal/table.ts'
import { createTerminal, type Terminal } from '../terminal/terminal.ts'

interface HistoryOptions extends AddressOptions {
  readonly json?: boolean
  readonly scope?: string
  readonly limit: number
}

const EXAMPLES = `
Examples:
  kytos-settings history kytos/link_discovery
  kytos-settings history kytos/link_discovery --limit 3 --scope controller

"kytos-settings diff NAPP V1 V2" shows the differences between two versions, line by line.`

/** Adds `history`, which lists the changes of the overrides of a NApp. */
export function addHistoryCommand(program: Command, context: CliContext): void {
  addServiceOptions(program.command('history'))
    .description('list the changes of the overrides of a NApp, newest first: time, author, change, comment')
    .argument('<napp>', 'username/name')
    .option('--limit <count>', 'maximum number of changes', parseCount, 20)
    .option('--scope <scope>', 'cluster, controller or controller:ID', 'cluster')
    .addHelpText('after', EXAMPLES)
    .action((namespace: string, _options, command: Command) => {
      const { json, scope = 'cluster', limit, ...options } = command.optsWithGlobals<HistoryOptions>()
      return withService(options, context, async service => {
        // One more record for the table, because the difference of the oldest row needs its predecessor.
        const records = await service.ask('kytos.settings.history', {
          namespace,
          scope,
          limit: Math.min(json ? limit : limit + 1, 1_000),
        })
        printAnswer(
          json,
          records,
          () => printRecords(namespace, records, limit, createTerminal(context.stdout, context.env)),
          context,
        )
      })
    })
}

function printRecords(
  namespace: string,
  records: readonly HistoryRecord[],
  limit: number,
  terminal: Terminal,
): string {
  if (records.length === 0) return `${namespace} has no changes in this scope yet.\n`
  const rows = records.slice(0, limit).map((record, i): Cell[] => {
    const { version, kind, actor, at, comment } = record
    return [
      String(version),
      showTime(at),
      actor.type === 'user' ? actor.name : `${actor.type} ${actor.name}`,
      { text: kind, style: kind === 'deleted' ? 'red' : kind === 'created' ? 'green' : 'dim' },
      whatChanged(record, records[i + 1]),
      comment ?? '',
    ]
  })
  return printTable(
    [
      'Version',
      'Changed at',
      'Changed by',
      'Kind',
      { head: 'Overrides', cut: true },
      { head: 'Comment', cut: true },
    ],
    rows,
    terminal,
  )
}

function whatChanged({ version, data }: HistoryRecord, before: HistoryRecord | undefined): string {
  // The previous record is no longer kept.
  if (!before && version !== 1) return '?'
  return differences(before?.data ?? {}, data ?? {})
    .map(showDifference)
    .join(', ')
}
