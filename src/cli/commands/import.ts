import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { SettingsError, toSettingsError } from '../../../model/errors.ts'
import { printJson } from '../../../model/json.ts'
import { toJson } from '../../../model/value.ts'
import type { SettingMode } from '../../import/apply/apply-modes.ts'
import type { Source } from '../../import/source.ts'
import { printImportReport } from '../print/import-report.ts'
import { printSettingModes } from '../print/setting-modes.ts'
import type { AddressOptions } from '../service/address.ts'
import { addServiceOptions, withService } from '../service/service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { counted } from '../terminal/counted.ts'
import { printMessage } from '../terminal/print-error.ts'
import { createProgressBar } from '../terminal/progress-bar.ts'

interface ImportFlags extends AddressOptions {
  readonly dryRun?: boolean
  readonly overwrite?: boolean
  readonly namespace?: string
  readonly schemaOut?: string
  readonly napps?: string
  readonly json?: boolean
}

/** The exit code for invalid input. */
const INVALID = 4
const NO_FILES =
  'Name files to import, or a folder of NApps with --napps. "kytos-settings import --help" has examples.'
const EXAMPLES = `
Examples:
  kytos-settings import --napps /var/lib/kytos/napps --dry-run
  kytos-settings import /etc/kytos/kytos.conf /var/lib/kytos/napps/*/*/settings.py --dry-run
  kytos-settings import settings.py --namespace kytos/of_lldp
  kytos-settings import settings.py --namespace kytos/of_lldp --schema-out of_lldp.schema.json
  kytos-settings import settings.json
  kytos-settings import /var/tmp/kytos/storehouse

A settings.py is parsed, never executed. If the NApp has no schema yet, its values become the defaults of one;
otherwise the values that differ become overrides. Secrets always become overrides and are not printed.
With --napps, the code of the NApps is read, too: a table shows which settings are live, and which need a
reload or restart of the NApp. Schemas that an import makes have that mode as x-apply; a mode that was set by
hand stays. A repeated import changes nothing; --overwrite replaces stored values.
The report has a reason for each skipped value; set computed values with "kytos-settings set".
Exit code 4: a file provided no value at all. docs/migrating.md describes the whole migration.`

/** Adds `import`, which imports files of Kytos into the service. */
export function addImportCommand(program: Command, context: CliContext, exit: (code: number) => void): void {
  addServiceOptions(program.command('import'))
    .description('import settings.py, kytos.conf, JSON and the boxes of storehouse')
    .argument('[file...]', 'settings.py, .ini or .conf, .json, or a folder of storehouse')
    .option('-n, --dry-run', 'print the planned changes and write nothing')
    .option('--overwrite', 'replace stored values and boxes that differ')
    .option('--namespace <username/name>', 'namespace of the settings, if the path does not show it')
    .option('--napps <folder>', 'import the settings.py of all enabled NApps, with their apply modes')
    .option('--schema-out <file>', 'only write the schema derived from a settings.py to this file')
    .addHelpText('after', EXAMPLES)
    .action(async (files: string[], _options, command: Command) => {
      const flags = command.optsWithGlobals<ImportFlags>()
      if (flags.napps !== undefined) exit(await importNApps(files, flags.napps, flags, context))
      else {
        if (files.length === 0) throw new SettingsError('CONTENT_MALFORMED', NO_FILES)
        const read = await readAll(files, flags, context)
        exit(
          flags.schemaOut === undefined
            ? await importAll(files, read, flags, context)
            : await writeSchema(read.flat(), flags.schemaOut, context),
        )
      }
    })
}

/** Imports the settings of all enabled NApps of a folder, and prints how a change of each takes effect. */
async function importNApps(
  files: readonly string[],
  folder: string,
  flags: ImportFlags,
  context: CliContext,
): Promise<number> {
  if (files.length > 0 || flags.namespace !== undefined || flags.schemaOut !== undefined)
    throw new SettingsError(
      'CONTENT_MALFORMED',
      '--napps takes no file, --namespace or --schema-out: the folder names the NApps and their files.',
    )
  const { readNAppsFolder } = await import('../../import/apply/napp-folder.ts')
  const { findSettingModes } = await import('../../import/apply/apply-modes.ts')
  const { withModes } = await import('../../import/apply/mode-schema.ts')
  const bar = createProgressBar(context.stderr, `read ${folder}`)
  const napps = await readNAppsFolder(resolve(context.cwd, folder), bar.show).finally(bar.end)
  const modes = findSettingModes(napps)
  const paths = napps.map(({ settingsFile }) => settingsFile)
  const read = (await readAll(paths, {}, context)).map(sources =>
    sources.map(source => (source.kind === 'settings' ? withModes(source, modes) : source)),
  )
  return importAll(paths, read, flags, context, modes)
}

/** The sources of each file. */
async function readAll(
  files: readonly string[],
  { namespace }: ImportFlags,
  context: CliContext,
): Promise<readonly (readonly Source[])[]> {
  // Loaded on demand, because the parsers would slow down every other command.
  const { readSource } = await import('../../import/source.ts')
  const read: (readonly Source[])[] = []
  if (namespace !== undefined && files.length > 1)
    throw new SettingsError(
      'CONTENT_MALFORMED',
      `--namespace applies to one file, not ${files.length}: import each file separately.`,
    )
  for (const file of files) {
    const bar = createProgressBar(context.stderr, `read ${file}`)
    const options = {
      cwd: context.cwd,
      environment: {},
      progress: bar.show,
      ...(namespace !== undefined && { namespace }),
    }
    read.push(await readSource(file, options).finally(bar.end))
  }
  return read
}

async function importAll(
  files: readonly string[],
  read: readonly (readonly Source[])[],
  flags: ImportFlags,
  context: CliContext,
  modes: readonly SettingMode[] = [],
): Promise<number> {
  const { dryRun = false, overwrite = false, json = false } = flags
  const { importSources } = await import('../../import/import.ts')
  const signal = context.interruption()
  const report = await withService(flags, context, async service => {
    const ask = await service.bus()
    const bar = createProgressBar(context.stderr, dryRun ? 'compared' : 'imported')
    try {
      return await importSources(ask, read.flat(), { dryRun, overwrite, signal, progress: bar.show })
    } catch (error) {
      const { code, message, details } = toSettingsError(error)
      const [why, what] = signal.aborted ? (['SERVICE_STOPPING', 'Interrupted.'] as const) : [code, message]
      const then = dryRun
        ? 'Nothing was written.'
        : 'Completed changes are stored; run the same command again to continue.'
      throw new SettingsError(why, `${what} ${then}`, { cause: error, details })
    } finally {
      bar.end()
    }
  })
  const applies = modes.length > 0 && { modes }
  context.stdout.write(
    json
      ? `${printJson(toJson({ ...report, ...applies }), 2)}\n`
      : `${modes.length > 0 ? `${printSettingModes(modes)}\n` : ''}${printImportReport(report)}`,
  )
  const withoutValue = files.filter((_, i) => hasNoValue(read[i] ?? []))
  if (withoutValue.length > 0)
    printMessage(
      context.stderr,
      `No value could be read from ${withoutValue.join(', ')} (exit code ${INVALID}).`,
    )
  return withoutValue.length > 0 ? INVALID : 0
}

/** True for a file from which no value could be read; false for an empty file without problems. */
function hasNoValue(sources: readonly Source[]): boolean {
  const holds = sources.some(source =>
    source.kind === 'boxes'
      ? source.boxes.length > 0
      : source.kind === 'settings' && source.settings.length > 0,
  )
  return !holds && sources.some(source => source.kind !== 'boxes' && source.problems.length > 0)
}

async function writeSchema(sources: readonly Source[], path: string, context: CliContext): Promise<number> {
  const [source, ...more] = sources
  if (source?.kind !== 'settings' || !source.schema || more.length > 0) {
    throw new SettingsError(
      'CONTENT_MALFORMED',
      '--schema-out requires exactly one readable settings.py or kytos.conf.',
    )
  }
  await writeFile(resolve(context.cwd, path), `${printJson(source.schema, 2)}\n`)
  for (const { line, name, message } of source.problems)
    printMessage(context.stderr, `${source.file}:${line ?? 1}: ${name ? `${name}: ` : ''}${message}`)
  context.stdout.write(
    `Wrote ${path}: the schema of ${counted(source.settings.length, 'setting')} of ${source.namespace}.\n`,
  )
  return 0
}
