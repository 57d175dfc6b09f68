import { resolve } from 'node:path'
import type { Command } from 'commander'
import { printJson } from '../../../model/json.ts'
import { toJson } from '../../../model/value.ts'
import { type Config, findConfig, loadConfig } from '../../boot/config.ts'
import { countKinds } from '../../transfer/difference.ts'
import type { Picture } from '../../transfer/picture.ts'
import { createProgressBar } from '../terminal/progress-bar.ts'
import type { World } from '../terminal/world.ts'
import { addFillOptions, describeFill, type FillFlags, fillOptions, fillReport, warnOn } from './copy.ts'

const BACKUP_EXAMPLES = `
Examples:
  kytos-settings backup settings.archive
  kytos-settings backup /var/backups/kytos-$(date +%F).archive -c /etc/kytos/kytos.ini

It holds settings, history, schemas, boxes and tokens (their hashes) of one revision, also while the service runs. Only its owner may read it: settings may
hold secrets. It is gzip of JSON lines: zcat shows it.`

const RESTORE_EXAMPLES = `
Examples:
  kytos-settings restore settings.archive --dry-run
  kytos-settings restore settings.archive
  kytos-settings restore settings.archive --overwrite --keep-tokens

The whole archive is read and checked before anything is written. Stop the service of a folder first. On etcd, controllers may run: they answer from what
they knew until it is done, and refuse changes. Ended at any point, it goes on when it is run again. Tokens that were revoked since the backup are good
again, unless --keep-tokens leaves those that there are.`

interface Flags extends FillFlags {
  readonly config?: string
}

/** Adds `backup` and `restore`, which write a store into one file and back. */
export function addBackupCommands(program: Command, world: World): void {
  program
    .command('backup')
    .description('write everything that the store holds into one file')
    .argument('<file>', 'the archive to write')
    .option('--overwrite', 'replace the file if there is one')
    .option('--json', 'for machines')
    .addHelpText('after', BACKUP_EXAMPLES)
    .action(async (file: string, _options, command: Command) => {
      const { overwrite = false, json = false, ...flags } = command.optsWithGlobals<Flags>()
      const path = resolve(world.cwd, file)
      const { backUp } = await import('../../transfer/backup.ts')
      const { picture, bytes } = await backUp(await configOf(flags, world), path, overwrite, warnOn(world))
      const report = toJson({ file: path, bytes, ...summary(picture) })
      world.stdout.write(json ? `${printJson(report, 2)}\n` : `${describe(picture)}\nWritten to ${path}, ${bytes} bytes, and read back.\n`)
    })
  const back = program.command('restore').description('fill the store from an archive').argument('<file>', 'an archive that backup wrote')
  addFillOptions(back)
    .addHelpText('after', RESTORE_EXAMPLES)
    .action(async (file: string, _options, command: Command) => {
      const flags = command.optsWithGlobals<Flags>()
      const began = performance.now()
      const progress = createProgressBar(world.stderr, 'restored')
      const options = { ...fillOptions(flags), progress: progress.show }
      const config = await configOf(flags, world)
      const { restore } = await import('../../transfer/backup.ts')
      const report = await restore(resolve(world.cwd, file), config, options, warnOn(world)).finally(progress.end)
      const [seconds, dryRun] = [(performance.now() - began) / 1_000, flags.dryRun ?? false]
      const json = toJson({ ...summary(report.picture), ...fillReport(report, seconds, dryRun) })
      world.stdout.write(flags.json ? `${printJson(json, 2)}\n` : `${describe(report.picture)}\n${describeFill(report, seconds, dryRun)}`)
    })
}

async function configOf({ config }: Flags, world: World): Promise<Config> {
  return loadConfig(findConfig(config, world), { isNamed: config !== undefined })
}

function summary({ store, revision, epoch, at, entries }: Picture) {
  return { store, revision: String(revision), source_epoch: epoch, at, kinds: countKinds(entries.map(({ key }) => key)) }
}

function describe({ store, revision, at, entries }: Picture): string {
  const parts = Object.entries(countKinds(entries.map(({ key }) => key))).map(([kind, count]) => `${count} ${kind}`)
  return `From ${store} at revision ${revision}, ${at}: ${parts.join(', ')}.`
}
