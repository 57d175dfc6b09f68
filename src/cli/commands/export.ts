import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { SettingsError } from '../../../model/errors.ts'
import { printJson } from '../../../model/json.ts'
import { type JsonObject, setMember } from '../../../model/value.ts'
import { CORE_NAMESPACE, renderKytosConf } from '../../import/kytos-conf.ts'
import { type FolderDocument, writeFolder } from '../edit/settings-folder.ts'
import type { AddressOptions } from '../service/address.ts'
import { addServiceOptions, type Service, withService } from '../service/service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { counted } from '../terminal/counted.ts'
import { printMessage } from '../terminal/print-error.ts'

interface ExportFlags extends AddressOptions {
  readonly format?: 'json' | 'kytos.conf'
  readonly dir?: string
  readonly scope?: string
}

const EXAMPLES = `
Examples:
  kytos-settings export > settings.json
  kytos-settings export kytos/of_lldp kytos/topology
  kytos-settings export --scope controller:c2
  kytos-settings export --dir settings.d
  kytos-settings export --format kytos.conf > /etc/kytos/kytos.conf

JSON holds the overrides of every namespace in one scope, in the format that "import" reads.
--dir writes those of every scope, one file for each NApp, as "apply" reads them.
A kytos.conf holds the effective settings of ${CORE_NAMESPACE}: export it before kytosd starts.`

/** Adds `export`, which prints stored overrides as JSON, or a kytos.conf. */
export function addExportCommand(program: Command, context: CliContext): void {
  addServiceOptions(program.command('export'))
    .description(`print overrides as JSON, or ${CORE_NAMESPACE} as a kytos.conf`)
    .argument('[namespace...]', 'only these namespaces')
    .addOption(
      new Option('--format <format>', 'output format').choices(['json', 'kytos.conf']).default('json'),
    )
    .option('-s, --scope <scope>', 'scope of the overrides: cluster, controller or controller:ID', 'cluster')
    .option('--dir <folder>', 'write the overrides of every scope into a folder for "apply"')
    .addHelpText('after', EXAMPLES)
    .action((namespaces: string[], _options, command: Command) => {
      const { format = 'json', scope = 'cluster', dir, ...options } = command.optsWithGlobals<ExportFlags>()
      return withService(options, context, async service => {
        if (dir !== undefined) return exportFolder(service, namespaces, dir, context)
        context.stdout.write(
          format === 'json'
            ? await exportJson(service, namespaces, scope, context)
            : await exportConf(service, namespaces, context),
        )
      })
    })
}

async function exportJson(
  service: Service,
  wanted: readonly string[],
  scope: string,
  context: CliContext,
): Promise<string> {
  const documents = await readAll(service, await placesOf(service, wanted, scope))
  const all: JsonObject = {}
  for (const { namespace, data } of documents) setMember(all, namespace, data)
  const owned = scope === 'cluster' ? await ownedPlaces(service, wanted) : []
  if (owned.length > 0) {
    const ids = [...new Set(owned.map(place => place.scope.slice('controller:'.length)))]
    printMessage(
      context.stderr,
      `Overrides of single controllers are not in this output (${ids.join(', ')}): use --scope controller:ID or --dir.`,
    )
  }
  return `${printJson(all, 2)}\n`
}

async function exportFolder(
  service: Service,
  wanted: readonly string[],
  folder: string,
  { cwd, stderr }: CliContext,
): Promise<void> {
  const { epoch } = await service.ask('kytos.settings.status', {})
  const places = [...(await placesOf(service, wanted, 'cluster')), ...(await ownedPlaces(service, wanted))]
  const documents = await readAll(service, places)
  await writeFolder(resolve(cwd, folder), documents, epoch)
  printMessage(stderr, `Wrote ${counted(documents.length, 'document')} to ${folder}.`)
}

/** A document to export; `isNamed` also without overrides. */
interface Place {
  readonly namespace: string
  readonly scope: string
  readonly isNamed?: boolean
}

/** The named namespaces in a scope, or all that have overrides there. */
async function placesOf(
  service: Service,
  wanted: readonly string[],
  scope: string,
): Promise<readonly Place[]> {
  if (wanted.length > 0) return wanted.map(namespace => ({ namespace, scope, isNamed: true }))
  const summaries = await service.ask('kytos.settings.list', {})
  return summaries.map(({ namespace }) => ({ namespace, scope }))
}

/** The documents of single controllers: those of the named namespaces, or all. */
async function ownedPlaces(service: Service, wanted: readonly string[]): Promise<readonly Place[]> {
  const { controllers } = await service.ask('kytos.settings.controllers', {})
  return controllers.flatMap(({ id, namespaces }) =>
    namespaces
      .filter(namespace => wanted.length === 0 || wanted.includes(namespace))
      .map(namespace => ({ namespace, scope: `controller:${id}` })),
  )
}

async function readAll(service: Service, places: readonly Place[]): Promise<readonly FolderDocument[]> {
  const documents: FolderDocument[] = []
  for (const { namespace, scope, isNamed = false } of places) {
    const { overrides } = await service.ask('kytos.settings.retrieve', { namespace, scope })
    if (isNamed || Object.keys(overrides).length > 0) documents.push({ namespace, scope, data: overrides })
  }
  return documents
}

async function exportConf(service: Service, wanted: readonly string[], context: CliContext): Promise<string> {
  const [namespace = CORE_NAMESPACE, ...more] = wanted
  if (more.length > 0)
    throw new SettingsError(
      'CONTENT_MALFORMED',
      `A kytos.conf holds one namespace, not ${wanted.length}: export each one separately.`,
    )
  const { data } = await service.ask('kytos.settings.retrieve', { namespace })
  const { text, left } = renderKytosConf(data)
  for (const { name, message } of left) printMessage(context.stderr, `${name}: ${message}`)
  return text
}
