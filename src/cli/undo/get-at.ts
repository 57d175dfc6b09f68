import type { StandingDocument } from '../../../events/history-nouns.ts'
import { toJson } from '../../../model/value.ts'
import type { Service } from '../service/service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { byKey, leavesIn, printKey, valueAt } from '../terminal/key-path.ts'
import { printAnswer, show } from '../terminal/print-answer.ts'
import { printMessage } from '../terminal/print-error.ts'
import { type Cell, printTable } from '../terminal/table.ts'
import type { Terminal } from '../terminal/terminal.ts'
import type { TypedTime } from './parse-time.ts'
import { type AsOfPlace, askStanding, describeStanding, printPlace, prunedAt } from './standing.ts'

/**
 * The overrides of a NApp as they were at a time; the remark on standard error names their version.
 * @throws SettingsError VERSION_PRUNED when the version is no longer kept.
 */
export async function readAt(
  service: Service,
  place: AsOfPlace & { readonly namespace: string },
  time: TypedTime,
  context: CliContext,
): Promise<StandingDocument> {
  const [document] = await askStanding(service, place, time)
  if (!document) throw new RangeError('The state of one document must be one result.')
  if (document.pruned) throw prunedAt(document, time)
  printMessage(context.stderr, `${printPlace(document)} at ${time.shown}: ${describeStanding(document)}.`)
  return document
}

/** Prints the overrides of all NApps in all scopes as they were at a time. */
export async function printAllAt(
  service: Service,
  time: TypedTime,
  { json, terminal }: { readonly json: boolean | undefined; readonly terminal: Terminal },
  context: CliContext,
): Promise<void> {
  const documents = await askStanding(service, { scope: 'cluster' }, time)
  const toText = (): string => {
    const rows = documents.flatMap(rowsOf)
    if (rows.length === 0) return `There were no overrides at ${time.shown}.\n`
    return printTable(
      ['NApp', 'Version', 'Changed by', 'Controller', 'Key', { head: 'Value', cut: true }],
      rows,
      terminal,
    )
  }
  printAnswer(json, { at: time.at.toISOString(), documents: toJson(documents) }, toText, context)
  printMessage(context.stderr, `The overrides at ${time.shown}.`)
  for (const one of documents) if (one.pruned) printMessage(context.stderr, prunedAt(one, time).message)
  for (const one of documents)
    if (one.clock) printMessage(context.stderr, `${printPlace(one)}: ${describeStanding(one)}.`)
}

function rowsOf(document: StandingDocument): readonly Cell[][] {
  const { version, actor, controller, data, clock } = document
  const overrides = data ?? {}
  if (Object.keys(overrides).length === 0) return []
  return leavesIn(overrides)
    .sort(byKey)
    .map((path): Cell[] => [
      printPlace(document),
      `${version}${clock ? ' clock' : ''}`,
      actor?.name ?? '-',
      controller ?? '-',
      printKey(path),
      show(valueAt(overrides, path)),
    ])
}
