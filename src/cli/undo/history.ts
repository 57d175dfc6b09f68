import type { Command } from 'commander'
import { type Difference, differences } from '../../../events/differences.ts'
import type { HistoryRecord } from '../../../events/nouns.ts'
import { showDifference } from '../print/show-difference.ts'
import type { AddressOptions } from '../service/address.ts'
import { addServiceOptions, withService } from '../service/service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { isWithin, type Path, parseKey, pathOf } from '../terminal/key-path.ts'
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
  kytos-settings history kytos/link_discovery polling_time
  kytos-settings history kytos/link_discovery --limit 3 --scope controller

"kytos-settings diff NAPP V1 V2" shows the differences between two versions, line by line.`

/** Adds `history`, which lists the changes of the overrides of a NApp. */
export function addHistoryCommand(program: Command, context: CliContext): void {
  addServiceOptions(program.command('history'))
    .description('list the changes of the overrides of a NApp, newest first: time, author, change, comment')
    .argument('<napp>', 'username/name')
    .argument('[key]', 'only changes of this setting and of the settings below it')
    .option('--limit <count>', 'maximum number of changes', parseCount, 20)
    .option('-s, --scope <scope>', 'cluster, controller or controller:ID', 'cluster')
    .addHelpText('after', EXAMPLES)
    .action((namespace: string, key: string | undefined, _options, command: Command) => {
      const { json, scope = 'cluster', limit, ...options } = command.optsWithGlobals<HistoryOptions>()
      const path = key === undefined ? [] : parseKey(key)
      return withService(options, context, async service => {
        // One more record for the table, because the difference of the oldest row needs its predecessor.
        const records = await service.ask('kytos.settings.history', {
          namespace,
          scope,
          limit: path.length > 0 ? MAX_RECORDS : Math.min(limit + 1, MAX_RECORDS),
        })
        const shown = records
          .map((record, i) => ({ record, changes: changesOf(record, records[i + 1])?.filter(isAsked(path)) }))
          .filter(({ changes }) => path.length === 0 || (changes && changes.length > 0))
          .slice(0, limit)
        printAnswer(
          json,
          shown.map(({ record }) => record),
          () => printRecords(namespace, shown, createTerminal(context.stdout, context.env)),
          context,
        )
      })
    })
}

/** A record, and how it differs from the one before; undefined when that is no longer kept. */
interface ShownRecord {
  readonly record: HistoryRecord
  readonly changes: readonly Difference[] | undefined
}

/** Maximum number of records that the service returns. */
const MAX_RECORDS = 1_000

function isAsked(path: Path): (difference: Difference) => boolean {
  return one => isWithin(pathOf(one.path), path) || isWithin(path, pathOf(one.path))
}

function changesOf(
  { version, data }: HistoryRecord,
  before: HistoryRecord | undefined,
): readonly Difference[] | undefined {
  if (!before && version !== 1) return undefined
  return differences(before?.data ?? {}, data ?? {})
}

function printRecords(namespace: string, shown: readonly ShownRecord[], terminal: Terminal): string {
  if (shown.length === 0) return `${namespace} has no changes in this scope yet.\n`
  const rows = shown.map(({ record: { version, kind, actor, at, comment }, changes }): Cell[] => [
    String(version),
    showTime(at),
    actor.type === 'user' ? actor.name : `${actor.type} ${actor.name}`,
    { text: kind, style: kind === 'deleted' ? 'red' : kind === 'created' ? 'green' : 'dim' },
    changes?.map(showDifference).join(', ') ?? '?',
    comment ?? '',
  ])
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
