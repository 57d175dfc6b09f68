import type { Command } from 'commander'
import type { Settings } from '../../../events/nouns.ts'
import { hasControls } from '../../../model/control-characters.ts'
import { printJson } from '../../../model/json.ts'
import type { Json } from '../../../model/value.ts'
import { settingNotFound } from '../edit/setting-not-found.ts'
import type { AddressOptions } from '../service/address.ts'
import { addServiceOptions, withService } from '../service/service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { byKey, leavesIn, parseKey, pathsIn, printKey, valueAt } from '../terminal/key-path.ts'
import { assumedRemark, printAnswer, rejectedRemarks, show } from '../terminal/print-answer.ts'
import { printMessage } from '../terminal/print-error.ts'
import { type Cell, printTable } from '../terminal/table.ts'
import { createTerminal, type Terminal } from '../terminal/terminal.ts'

interface GetOptions extends AddressOptions {
  readonly json?: boolean
  readonly scope?: string
}

const EXAMPLES = `
Examples:
  kytos-settings get kytos/link_discovery
  kytos-settings get kytos/link_discovery polling_time
  kytos-settings get kytos/link_discovery liveness.min_hellos
  kytos-settings get kytos/link_discovery /ignored_loops/00:00:00:00:00:00:00:01
  kytos-settings get kytos/link_discovery --scope controller:controller-2
  kytos-settings get kytos/link_discovery --json

KEY is a path of keys separated by dots, or a JSON Pointer, for keys that contain a dot.
A single value is printed alone: a string without quotes, any other value as JSON.
A string with control characters is printed as JSON, in which they are escaped.`

/** Adds `get`, which shows the effective settings on the controller of the service, or on another one. */
export function addGetCommand(program: Command, context: CliContext): void {
  addServiceOptions(program.command('get'))
    .description('show the effective settings of a NApp, or one of them')
    .argument('<napp>', 'username/name')
    .argument('[key]', 'such as liveness.min_hellos or /liveness/min_hellos')
    .option(
      '--scope <scope>',
      'scope whose overrides are marked; with controller:ID, the settings of that controller',
      'cluster',
    )
    .addHelpText('after', EXAMPLES)
    .action((namespace: string, key: string | undefined, _options, command: Command) => {
      const { scope = 'cluster', ...options } = command.optsWithGlobals<GetOptions>()
      const path = key === undefined ? undefined : parseKey(key)
      return withService(options, context, async service => {
        const settings = await service.ask('kytos.settings.retrieve', {
          namespace,
          scope,
        })
        const remark = assumedRemark(settings, scope)
        if (remark) printMessage(context.stderr, remark)
        for (const rejected of rejectedRemarks(settings)) printMessage(context.stderr, rejected)
        const terminal = createTerminal(context.stdout, context.env)
        if (!path)
          return printAnswer(options.json, settings, () => printSettings(settings, terminal), context)
        const value = valueAt(settings.data, path)
        if (value === undefined) throw settingNotFound(namespace, path, pathsIn(settings.data))
        printAnswer(options.json, value, () => `${printValue(value)}\n`, context)
      })
    })
}

function printSettings(
  { namespace, data, overrides, state, revision }: Settings,
  terminal: Terminal,
): string {
  const stale =
    state === 'READY'
      ? ''
      : `The store is unreachable (${state}): these settings are of revision ${revision} and may be outdated.\n`
  if (Object.keys(data).length === 0) return `${stale}${namespace} has no settings.\n`
  const rows = leavesIn(data)
    .sort(byKey)
    .map((path): Cell[] => {
      const isSet = valueAt(overrides, path) !== undefined
      return [
        printKey(path),
        isSet ? { text: show(valueAt(data, path)), style: 'cyan' } : show(valueAt(data, path)),
        isSet ? 'set' : '',
      ]
    })
  return stale + printTable(['Key', { head: 'Value', cut: true }, ''], rows, terminal)
}

/** A string without quotes; one with control characters as JSON, whose escapes keep its value. */
function printValue(value: Json): string {
  return typeof value === 'string' && !hasControls(value) ? value : printJson(value, 2)
}
