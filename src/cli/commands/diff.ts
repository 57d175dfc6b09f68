import { type Command, InvalidArgumentError } from 'commander'
import { createTwoFilesPatch } from 'diff'
import { differences } from '../../../events/differences.ts'
import { printCanonical } from '../../../model/canonical.ts'
import { SettingsError } from '../../../model/errors.ts'
import { parseJson, printJson } from '../../../model/json.ts'
import type { JsonObject } from '../../../model/value.ts'
import type { AddressOptions } from '../service/address.ts'
import { addServiceOptions, type Service, withService } from '../service/service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { parseCount } from '../terminal/parse-count.ts'
import { printAnswer } from '../terminal/print-answer.ts'
import { printMessage } from '../terminal/print-error.ts'
import { createTerminal, type Style, sanitize, type Terminal } from '../terminal/terminal.ts'

interface DiffOptions extends AddressOptions {
  readonly json?: boolean
  readonly scope?: string
}

/** Overrides as they were after a change. */
interface State {
  /** The version in the history; 0 before the first. */
  readonly version: number
  readonly data: JsonObject
  readonly label: string
}

const EXAMPLES = `
Examples:
  kytos-settings diff kytos/link_discovery         the last change
  kytos-settings diff kytos/link_discovery 2       all changes since version 2
  kytos-settings diff kytos/link_discovery 2 4     from version 2 to version 4

"kytos-settings history" lists the versions; 0 is the state before the first.
Overrides are compared, with sorted keys.`
const STYLES: Readonly<Record<string, Style>> = { '+': 'green', '-': 'red', '@': 'cyan' }

/** Adds `diff`, which shows the differences between two versions of the overrides. */
export function addDiffCommand(program: Command, context: CliContext): void {
  addServiceOptions(program.command('diff'))
    .description('show the differences between two versions of the overrides of a NApp, line by line')
    .argument('<napp>', 'username/name')
    .argument('[v1]', 'older version; default: the one before the newer version', parseVersion)
    .argument('[v2]', 'newer version; default: the current one', parseVersion)
    .option('-s, --scope <scope>', 'cluster, controller or controller:ID', 'cluster')
    .addHelpText('after', EXAMPLES)
    .action(
      (namespace: string, v1: number | undefined, v2: number | undefined, _options, command: Command) => {
        const { json, scope = 'cluster', ...options } = command.optsWithGlobals<DiffOptions>()
        return withService(options, context, async service => {
          const to = await (v2 === undefined
            ? readNow(service, namespace, scope)
            : readVersion(service, namespace, scope, v2))
          const from = await readVersion(service, namespace, scope, v1 ?? Math.max(0, to.version - 1))
          const answer = {
            namespace,
            scope,
            from: from.version,
            to: to.version,
            changes: differences(from.data, to.data),
          }
          printAnswer(
            json,
            answer,
            () => printPatch(namespace, from, to, createTerminal(context.stdout, context.env)),
            context,
          )
          if (!json && answer.changes.length === 0)
            printMessage(context.stderr, `${from.label} and ${to.label} of ${namespace} are equal.`)
        })
      },
    )
}

/**
 * The lines in which two values differ, in the format of `diff -u`, coloured on a terminal; empty for equal
 * values.
 */
export function printPatch(
  name: string,
  from: Omit<State, 'version'>,
  to: Omit<State, 'version'>,
  terminal: Terminal,
): string {
  const [before, after] = [printSorted(from.data), printSorted(to.data)]
  if (before === after) return ''
  // The first line only underlines the missing name of an index.
  const [, ...lines] = createTwoFilesPatch(
    `${name} ${from.label}`,
    `${name} ${to.label}`,
    before,
    after,
    undefined,
    undefined,
    { context: 3 },
  ).split('\n')
  return lines.map((line, i) => styleLine(sanitize(line), i < 2, terminal)).join('\n')
}

async function readNow(service: Service, namespace: string, scope: string): Promise<State> {
  const { version, overrides } = await service.ask('kytos.settings.retrieve', { namespace, scope })
  return { version, data: overrides, label: version === 0 ? 'now' : `version ${version} (now)` }
}

async function readVersion(
  service: Service,
  namespace: string,
  scope: string,
  version: number,
): Promise<State> {
  if (version === 0) return { version, data: {}, label: 'version 0' }
  const [record] = await service.ask('kytos.settings.history', { namespace, scope, version })
  if (!record)
    throw new SettingsError(
      'VERSION_NOT_FOUND',
      `The history of ${namespace} has no version ${version}. "kytos-settings history ${namespace}" lists the versions.`,
    )
  return { version, data: record.data ?? {}, label: `version ${version}` }
}

function styleLine(line: string, isHead: boolean, terminal: Terminal): string {
  const style = isHead ? 'bold' : STYLES[line[0] ?? '']
  return style ? terminal.style(style, line) : line
}

/**
 * Brackets are on lines of their own also in an empty object, so that each added member is a line of its own.
 */
function printSorted(data: JsonObject): string {
  return Object.keys(data).length === 0 ? '{\n}\n' : `${printJson(parseJson(printCanonical(data)), 2)}\n`
}

function parseVersion(text: string): number {
  if (text === '0') return 0
  try {
    return parseCount(text)
  } catch {
    throw new InvalidArgumentError('Use a version from "kytos-settings history", such as 3.')
  }
}
