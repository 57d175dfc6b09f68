import type { Command } from 'commander'
import { printJson } from '../../../model/json.ts'
import { type JsonObject, toJson } from '../../../model/value.ts'
import { findConfig, loadConfig } from '../../boot/config.ts'
import type { CopyReport } from '../../transfer/copy-store.ts'
import type { FillReport } from '../../transfer/fill-store.ts'
import { createProgressBar } from '../terminal/progress-bar.ts'
import type { World } from '../terminal/world.ts'

/** What `copy` and `restore` may be told. */
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

Settings, history, schemas, boxes and tokens are copied at one revision of the source, and compared in the end. Ended at any point, it goes on when it is
run again. A store in a folder can be copied only while no service has it open.`

/** Adds `copy`, which moves what one store holds into another. */
export function addCopyCommand(program: Command, world: World): void {
  const copy = program
    .command('copy')
    .description('copy everything from one store into another, whatever their backends')
    .requiredOption('--from <file>', 'the kytos.ini of the store to read')
    .requiredOption('--to <file>', 'the kytos.ini of the store to fill')
  addFillOptions(copy)
    .addHelpText('after', EXAMPLES)
    .action(async ({ from, to, ...flags }: FillFlags & { readonly from: string; readonly to: string }) => {
      const source = await loadConfig(findConfig(from, world), { isNamed: true })
      const target = await loadConfig(findConfig(to, world), { isNamed: true })
      const began = performance.now()
      const progress = createProgressBar(world.stderr, 'copied')
      const options = { ...fillOptions(flags), progress: progress.show }
      // Only when it is needed: the clients of the stores would slow down every other command.
      const { copyStore } = await import('../../transfer/copy-store.ts')
      const report = await copyStore(source, target, options, warnOn(world)).finally(progress.end)
      printCopy(report, (performance.now() - began) / 1_000, flags, world)
    })
}

/** The options that every command has which fills a store. */
export function addFillOptions(command: Command): Command {
  return command
    .option('--overwrite', 'replace what the target holds otherwise, and remove what it holds besides')
    .option('--skip-oversized', 'leave out boxes that do not fit the target')
    .option('--keep-tokens', 'leave the tokens of the target as they are, instead of taking those of the source')
    .option('--dry-run', 'look at both, and change nothing')
    .option('--json', 'for machines')
}

/** The same, as the work takes them. */
export function fillOptions({ overwrite = false, skipOversized = false, keepTokens = false, dryRun = false }: FillFlags) {
  return { overwrite, skipOversized, keepTokens, dryRun }
}

/** Where warnings of a store go. */
export function warnOn(world: World): (message: string) => void {
  return message => void world.stderr.write(`kytos-settings: ${message}\n`)
}

/** A report for machines. */
export function fillReport(report: FillReport, seconds: number, dryRun: boolean): JsonObject {
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
export function describeFill(report: FillReport, seconds: number, dryRun: boolean): string {
  const { written, same, replaced, removed, skipped } = report
  const lines = skipped.map(({ key, bytes }) => `Left out, too large: ${key} (${bytes} bytes)\n`)
  const counts = `${written} written (${replaced} of them replaced), ${same} there before, ${removed} removed, ${skipped.length} left out`
  const end = dryRun ? 'Dry run, nothing was changed' : `Compared and equal after ${seconds.toFixed(1)} s, ${rate(written, seconds)}`
  return `${lines.join('')}${dryRun ? 'Would be: ' : ''}${counts}.\n${end}.\n`
}

function rate(written: number, seconds: number): string {
  return `${Math.round(written / Math.max(seconds, 0.001))} documents/s`
}

function printCopy(report: CopyReport, seconds: number, { json = false, dryRun = false }: FillFlags, world: World): void {
  const { from, to, picture, kinds, outdated } = report
  if (json) {
    const head = toJson({ from, to, revision: String(picture.revision), source_epoch: picture.epoch, kinds, source_changed: outdated })
    world.stdout.write(`${printJson({ ...(head as JsonObject), ...fillReport(report, seconds, dryRun) }, 2)}\n`)
    return
  }
  const parts = Object.entries(kinds).map(([kind, count]) => `${count} ${kind}`)
  world.stdout.write(`From ${from} at revision ${picture.revision}: ${parts.join(', ')}.\nTo ${to}: ${describeFill(report, seconds, dryRun)}`)
  if (outdated) world.stderr.write('kytos-settings: the source has changed meanwhile. Stop what writes there and run this again with --overwrite.\n')
}
