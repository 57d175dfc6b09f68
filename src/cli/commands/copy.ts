import type { Command } from 'commander'
import { printJson } from '../../../model/json.ts'
import { type JsonObject, toJson } from '../../../model/value.ts'
import { findConfig, loadConfig } from '../../boot/config.ts'
import type { CopyReport } from '../../transfer/copy-store.ts'
import type { LoadReport } from '../../transfer/load-store.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { countedKinds } from '../terminal/counted.ts'
import { printMessage } from '../terminal/print-error.ts'
import { createProgressBar } from '../terminal/progress-bar.ts'

/** Options of `copy` and `restore`. */
export interface FillFlags {
  readonly overwrite?: boolean
  readonly skipOversized?: boolean
  readonly keepTokens?: boolean
  readonly dryRun?: boolean
  readonly json?: boolean
}

const EXAMPLES = `
Examples:
  kytos-settings copy --from kytos.ini --to etcd.ini --dry-run
  kytos-settings copy --from kytos.ini --to etcd.ini
  kytos-settings copy --from old.ini --to new.ini --overwrite

Settings, history, schemas, boxes and tokens are copied at one revision of the source and compared at the end.
An interrupted copy resumes when the same command is run again.
A filesystem store can be copied only while no service has it open.`

/** Adds `copy`, which copies one store into another. */
export function addCopyCommand(program: Command, context: CliContext): void {
  const copy = program
    .command('copy')
    .description('copy one store into another, between any two backends')
    .requiredOption('--from <file>', 'the kytos.ini of the source store')
    .requiredOption('--to <file>', 'the kytos.ini of the target store')
  addFillOptions(copy)
    .addHelpText('after', EXAMPLES)
    .action(async ({ from, to, ...flags }: FillFlags & { readonly from: string; readonly to: string }) => {
      const source = await loadConfig(findConfig(from, context), { isNamed: true })
      const target = await loadConfig(findConfig(to, context), { isNamed: true })
      const began = performance.now()
      const progress = createProgressBar(context.stderr, 'copied')
      const options = { ...fillOptions(flags), progress: progress.show }
      // Loaded on demand, because the clients of the stores would slow down every other command.
      const { copyStore } = await import('../../transfer/copy-store.ts')
      const report = await copyStore(source, target, options, warnOn(context)).finally(progress.end)
      printCopy(report, (performance.now() - began) / 1_000, flags, context)
    })
}

/** Adds the options of every command that loads documents into a store. */
export function addFillOptions(command: Command): Command {
  return command
    .option(
      '--overwrite',
      'replace documents that differ in the target, and remove documents that the source does not have',
    )
    .option('--skip-oversized', 'skip boxes that are too large for the target')
    .option('--keep-tokens', 'keep the tokens of the target and do not copy those of the source')
    .option('-n, --dry-run', 'print the planned changes and write nothing')
    .option('-j, --json', 'print JSON')
}

/** The options with their defaults. */
export function fillOptions({
  overwrite = false,
  skipOversized = false,
  keepTokens = false,
  dryRun = false,
}: FillFlags) {
  return { overwrite, skipOversized, keepTokens, dryRun }
}

/** A function that writes the warnings of a store to standard error. */
export function warnOn(context: CliContext): (message: string) => void {
  return message => void printMessage(context.stderr, message)
}

/** The report of `copy` and `restore` as JSON. */
export function fillReport(report: LoadReport, seconds: number, dryRun: boolean): JsonObject {
  const { entries, written, same, replaced, removed, skipped, epoch } = report
  return {
    dry_run: dryRun,
    entries,
    written,
    same,
    replaced,
    removed,
    skipped: skipped.map(({ key, bytes }) => ({ key, bytes })),
    epoch: epoch ?? null,
    seconds: Math.round(seconds * 1_000) / 1_000,
  }
}

/** The sentences about a report that `copy` and `restore` share. */
export function describeFill(report: LoadReport, seconds: number, dryRun: boolean): string {
  const { written, same, replaced, removed, skipped } = report
  const lines = skipped.map(
    ({ key, bytes }) => `Skipped, too large for the target: ${key} (${bytes} bytes)\n`,
  )
  const counts = `${written} written (${replaced} of them replaced), ${same} unchanged, ${removed} removed, ${skipped.length} skipped`
  const end = dryRun
    ? 'Dry run: nothing was written'
    : `Verified as equal after ${seconds.toFixed(1)} s, ${rate(written, seconds)}`
  return `${lines.join('')}${dryRun ? 'Planned: ' : ''}${counts}.\n${end}.\n`
}

function rate(written: number, seconds: number): string {
  return `${Math.round(written / Math.max(seconds, 0.001))} documents/s`
}

function printCopy(
  report: CopyReport,
  seconds: number,
  { json = false, dryRun = false }: FillFlags,
  context: CliContext,
): void {
  const { from, to, snapshot, kinds, outdated } = report
  if (json) {
    const head = toJson({
      from,
      to,
      revision: String(snapshot.revision),
      source_epoch: snapshot.epoch,
      kinds,
      source_changed: outdated,
    })
    context.stdout.write(
      `${printJson({ ...(head as JsonObject), ...fillReport(report, seconds, dryRun) }, 2)}\n`,
    )
    return
  }
  context.stdout.write(
    `From ${from} at revision ${snapshot.revision}: ${countedKinds(kinds)}.\nTo ${to}: ${describeFill(report, seconds, dryRun)}`,
  )
  if (outdated)
    printMessage(
      context.stderr,
      'The source changed during the copy. Stop its writers and run the command again with --overwrite.',
    )
}
