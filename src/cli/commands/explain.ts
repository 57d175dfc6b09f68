import type { Command } from 'commander'
import type { Explanation, LayerValue } from '../../../events/changes.ts'
import { settingNotFound } from '../edit/setting-not-found.ts'
import type { AddressOptions } from '../service/address.ts'
import { addServiceOptions, withService } from '../service/service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { byKey, isWithin, type Path, parseKey, pathOf, printKey } from '../terminal/key-path.ts'
import { printAnswer, rejectedRemarks, scopeRemarks, show, showTime } from '../terminal/print-answer.ts'
import { printMessage } from '../terminal/print-error.ts'
import { type Cell, printTable } from '../terminal/table.ts'
import { createTerminal, type Terminal } from '../terminal/terminal.ts'

interface ExplainOptions extends AddressOptions {
  readonly json?: boolean
  readonly scope?: string
}

const EXAMPLES = `
Examples:
  kytos-settings explain kytos/link_discovery
  kytos-settings explain kytos/link_discovery liveness
  kytos-settings explain kytos/link_discovery --scope controller:controller-2

Layers, low to high: default, seed, cluster, controller, environment.
Hidden values follow the effective value, marked "hides".`

/** Adds `explain`, which shows the layer and the author of each value, and the values that it hides. */
export function addExplainCommand(program: Command, context: CliContext): void {
  addServiceOptions(program.command('explain'))
    .description('show the origin of each value of a NApp: layer, author, time, hidden values')
    .argument('<napp>', 'username/name')
    .argument('[key]', 'only this setting and the settings below it')
    .option('-s, --scope <scope>', 'with controller:ID, the settings of that controller', 'cluster')
    .addHelpText('after', EXAMPLES)
    .action((namespace: string, key: string | undefined, _options, command: Command) => {
      const { scope = 'cluster', ...options } = command.optsWithGlobals<ExplainOptions>()
      const path = key === undefined ? [] : parseKey(key)
      return withService(options, context, async service => {
        const settings = await service.ask('kytos.settings.retrieve', { namespace, scope, explain: true })
        const { explain = {} } = settings
        for (const remark of [...scopeRemarks(settings, scope), ...rejectedRemarks(settings)])
          printMessage(context.stderr, remark)
        const places = Object.entries(explain)
          .map(([pointer, one]) => ({ path: pathOf(pointer), pointer, one }))
          .sort((a, b) => byKey(a.path, b.path))
        const asked = places.filter(place => isWithin(place.path, path) || isWithin(path, place.path))
        if (asked.length === 0 && path.length > 0) {
          throw settingNotFound(
            namespace,
            path,
            places.flatMap(place => place.path.map((_, i) => place.path.slice(0, i + 1))),
          )
        }
        const answer = Object.fromEntries(asked.map(({ pointer, one }) => [pointer, one]))
        printAnswer(
          options.json,
          answer,
          () => printExplained(namespace, asked, createTerminal(context.stdout, context.env)),
          context,
        )
      })
    })
}

function printExplained(
  namespace: string,
  places: readonly { readonly path: Path; readonly one: Explanation }[],
  terminal: Terminal,
): string {
  if (places.length === 0) return `${namespace} has no settings.\n`
  const rows = places.flatMap(({ path, one }): Cell[][] => [
    [printKey(path), ...layerCells(one)],
    ...one.shadowed.map((hidden): Cell[] =>
      ['  hides', ...layerCells(hidden)].map(text => ({ text, style: 'dim' as const })),
    ),
  ])
  return printTable(
    ['Key', { head: 'Value', cut: true }, 'Layer', { head: 'Set by', cut: true }, 'Set at'],
    rows,
    terminal,
  )
}

function layerCells({ value, layer, set_by, set_at, variable }: LayerValue): string[] {
  return [show(value), layer, variable ?? set_by?.name ?? '-', showTime(set_at)]
}
