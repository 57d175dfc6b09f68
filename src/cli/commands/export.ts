import { type Command, Option } from 'commander'
import { SettingsError } from '../../../model/errors.ts'
import { printJson } from '../../../model/json.ts'
import { type JsonObject, setMember } from '../../../model/value.ts'
import { CORE_NAMESPACE, renderKytosConf } from '../../import/kytos-conf.ts'
import type { AddressOptions } from '../service/address.ts'
import { addServiceOptions, type Service, withService } from '../service/service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { printMessage } from '../terminal/print-error.ts'

interface ExportFlags extends AddressOptions {
  readonly format?: 'json' | 'kytos.conf'
}

const EXAMPLES = `
Examples:
  kytos-settings export > settings.json
  kytos-settings export kytos/of_lldp kytos/topology
  kytos-settings export --format kytos.conf > /etc/kytos/kytos.conf

JSON holds the overrides of every namespace, in the format that "import" reads.
A kytos.conf holds the effective settings of ${CORE_NAMESPACE}: export it before kytosd starts.`

/** Adds `export`, which prints stored overrides as JSON, or a kytos.conf. */
export function addExportCommand(program: Command, context: CliContext): void {
  addServiceOptions(program.command('export'))
    .description(`print overrides as JSON, or ${CORE_NAMESPACE} as a kytos.conf`)
    .argument('[namespace...]', 'only these namespaces')
    .addOption(
      new Option('--format <format>', 'output format').choices(['json', 'kytos.conf']).default('json'),
    )
    .addHelpText('after', EXAMPLES)
    .action(async (namespaces: string[], _options, command: Command) => {
      const { format = 'json', ...options } = command.optsWithGlobals<ExportFlags>()
      const text = await withService(options, context, service =>
        format === 'json' ? exportJson(service, namespaces) : exportConf(service, namespaces, context),
      )
      context.stdout.write(text)
    })
}

async function exportJson(service: Service, wanted: readonly string[]): Promise<string> {
  const summaries = wanted.length > 0 ? undefined : await service.ask('kytos.settings.list', {})
  const namespaces =
    wanted.length > 0
      ? wanted
      : (summaries ?? []).filter(({ overrides }) => overrides).map(({ namespace }) => namespace)
  const all: JsonObject = {}
  for (const namespace of namespaces) {
    const { overrides } = await service.ask('kytos.settings.retrieve', { namespace })
    if (wanted.length > 0 || Object.keys(overrides).length > 0) setMember(all, namespace, overrides)
  }
  return `${printJson(all, 2)}\n`
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
