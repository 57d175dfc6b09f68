import { resolve } from 'node:path'
import type { Command } from 'commander'
import { printJson } from '../../../model/json.ts'
import { toJson } from '../../../model/value.ts'
import { type Config, findConfig, loadConfig } from '../../boot/config.ts'
import { countKinds } from '../../transfer/difference.ts'
import type { StoreSnapshot } from '../../transfer/store-snapshot.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { countedKinds } from '../terminal/counted.ts'
import { createProgressBar } from '../terminal/progress-bar.ts'
import { addFillOptions, describeFill, type FillFlags, fillOptions, fillReport, warnOn } from './copy.ts'

const BACKUP_EXAMPLES = `
Examples:
  kytos-settings backup settings.archive
  kytos-settings backup /var/backups/kytos-$(date +%F).archive -c /etc/kytos/kytos.ini

The archive holds settings, history, schemas, boxes and token hashes of one revision.
The service may be running.
Only the owner of the file can read it, because settings may hold secrets.
The format is gzip of JSON lines: zcat prints it.`

const RESTORE_EXAMPLES = `
Examples:
  kytos-settings restore settings.archive --dry-run
  kytos-settings restore settings.archive
  kytos-settings restore settings.archive --overwrite --keep-tokens

The whole archive is read and checked before anything is written.
Stop the service of a filesystem store first. On etcd, controllers may be running: until the restore is done,
they answer from their cache and reject changes.
An interrupted restore resumes when the same command is run again. Tokens that were revoked after the backup
are valid again, unless --keep-tokens keeps the tokens of the store.`

interface Flags extends FillFlags {
  readonly config?: string
}

/** Adds `backup` and `restore`, which write a store into an archive file and load it again. */
export function addBackupCommands(program: Command, context: CliContext): void {
  program
    .command('backup')
    .description('write the whole store into one archive file')
    .argument('<file>', 'the archive to write')
    .option('--overwrite', 'replace an existing file')
    .option('-j, --json', 'print JSON')
    .addHelpText('after', BACKUP_EXAMPLES)
    .action(async (file: string, _options, command: Command) => {
      const { overwrite = false, json = false, ...flags } = command.optsWithGlobals<Flags>()
      const path = resolve(context.cwd, file)
      const { backUp } = await import('../../transfer/backup.ts')
      const { snapshot, bytes } = await backUp(
        await configOf(flags, context),
        path,
        overwrite,
        warnOn(context),
      )
      const report = toJson({ file: path, bytes, ...summary(snapshot) })
      context.stdout.write(
        json
          ? `${printJson(report, 2)}\n`
          : `${describe(snapshot)}\nWrote ${path} (${bytes} bytes) and verified it.\n`,
      )
    })
  const restoreCommand = program
    .command('restore')
    .description('load an archive into the store')
    .argument('<file>', 'an archive written by "backup"')
  addFillOptions(restoreCommand)
    .addHelpText('after', RESTORE_EXAMPLES)
    .action(async (file: string, _options, command: Command) => {
      const flags = command.optsWithGlobals<Flags>()
      const began = performance.now()
      const progress = createProgressBar(context.stderr, 'restored')
      const options = { ...fillOptions(flags), progress: progress.show }
      const config = await configOf(flags, context)
      const { restore } = await import('../../transfer/backup.ts')
      const report = await restore(resolve(context.cwd, file), config, options, warnOn(context)).finally(
        progress.end,
      )
      const [seconds, dryRun] = [(performance.now() - began) / 1_000, flags.dryRun ?? false]
      const json = toJson({ ...summary(report.snapshot), ...fillReport(report, seconds, dryRun) })
      context.stdout.write(
        flags.json
          ? `${printJson(json, 2)}\n`
          : `${describe(report.snapshot)}\n${describeFill(report, seconds, dryRun)}`,
      )
    })
}

async function configOf({ config }: Flags, context: CliContext): Promise<Config> {
  return loadConfig(findConfig(config, context), { isNamed: config !== undefined })
}

function summary({ store, revision, epoch, at, entries }: StoreSnapshot) {
  return {
    store,
    revision: String(revision),
    source_epoch: epoch,
    at,
    kinds: countKinds(entries.map(({ key }) => key)),
  }
}

function describe({ store, revision, at, entries }: StoreSnapshot): string {
  const kinds = countedKinds(countKinds(entries.map(({ key }) => key)))
  return `From ${store} at revision ${revision}, ${at}: ${kinds}.`
}
