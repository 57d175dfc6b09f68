import { type Command, InvalidArgumentError } from 'commander'
import { createTwoFilesPatch } from 'diff'
import { differences } from '../../../events/differences.ts'
import { printCanonical } from '../../../model/canonical.ts'
import { SettingsError } from '../../../model/errors.ts'
import { parseJson, printJson } from '../../../model/json.ts'
import type { JsonObject } from '../../../model/value.ts'
import type { AddressOptions } from '../service/address.ts'
import { addServiceOptions, type Service, withService } from '../service/service.ts'
import { createPaper, harmless, type Paper, type Style } from '../terminal/paper.ts'
import { parseCount } from '../terminal/parse-count.ts'
import { printAnswer } from '../terminal/print-answer.ts'
import type { World } from '../terminal/world.ts'

interface DiffOptions extends AddressOptions {
  readonly json?: boolean
  readonly scope?: string
}

/** Overrides as they were after a change. */
interface State {
  /** Of the history; 0 before the first. */
  readonly version: number
  readonly data: JsonObject
  readonly label: string
}

const EXAMPLES = `
Examples:
  kytos-settings diff kytos/link_discovery         what the last change did
  kytos-settings diff kytos/link_discovery 2       what has changed since version 2
  kytos-settings diff kytos/link_discovery 2 4     from version 2 to version 4

The versions are those of "kytos-settings history"; 0 is before the first. What is compared are overrides; their keys are sorted.`
const STYLES: Readonly<Record<string, Style>> = { '+': 'green', '-': 'red', '@': 'cyan' }

/** Adds `diff`, which shows what versions of the overrides differ in. */
export function addDiffCommand(program: Command, world: World): void {
  addServiceOptions(program.command('diff'))
    .description('what two versions of the overrides of a NApp differ in, line by line')
    .argument('<napp>', 'username/name')
    .argument('[v1]', 'the older version; the one before the last when absent', parseVersion)
    .argument('[v2]', 'the newer version; now when absent', parseVersion)
    .option('--scope <scope>', 'cluster, controller or controller:ID', 'cluster')
    .addHelpText('after', EXAMPLES)
    .action((namespace: string, v1: number | undefined, v2: number | undefined, _options, command: Command) => {
      const { json, scope = 'cluster', ...options } = command.optsWithGlobals<DiffOptions>()
      return withService(options, world, async service => {
        const to = await (v2 === undefined ? readNow(service, namespace, scope) : readVersion(service, namespace, scope, v2))
        const from = await readVersion(service, namespace, scope, v1 ?? Math.max(0, to.version - 1))
        const answer = { namespace, scope, from: from.version, to: to.version, changes: differences(from.data, to.data) }
        printAnswer(json, answer, () => printPatch(namespace, from, to, createPaper(world.stdout, world.env)), world)
        if (!json && answer.changes.length === 0) world.stderr.write(`kytos-settings: ${from.label} and ${to.label} of ${namespace} are the same.\n`)
      })
    })
}

/** The lines in which two values differ, as `diff -u` shows them: coloured where colours are seen, empty when there are none. */
export function printPatch(name: string, from: Omit<State, 'version'>, to: Omit<State, 'version'>, paper: Paper): string {
  const [before, after] = [printSorted(from.data), printSorted(to.data)]
  if (before === after) return ''
  // The first line only underlines a name that is not given.
  const [, ...lines] = createTwoFilesPatch(`${name} ${from.label}`, `${name} ${to.label}`, before, after, undefined, undefined, { context: 3 }).split(
    '\n',
  )
  return lines.map((line, i) => paint(harmless(line), i < 2, paper)).join('\n')
}

async function readNow(service: Service, namespace: string, scope: string): Promise<State> {
  const { version, overrides } = await service.ask('kytos.settings.retrieve', { namespace, scope })
  return { version, data: overrides, label: version === 0 ? 'now' : `version ${version} (now)` }
}

async function readVersion(service: Service, namespace: string, scope: string, version: number): Promise<State> {
  if (version === 0) return { version, data: {}, label: 'version 0' }
  const [record] = await service.ask('kytos.settings.history', { namespace, scope, version })
  if (!record) throw new SettingsError('VERSION_NOT_FOUND', `${namespace} has no version ${version} in its history.`)
  return { version, data: record.data ?? {}, label: `version ${version}` }
}

function paint(line: string, isHead: boolean, paper: Paper): string {
  const style = isHead ? 'bold' : STYLES[line[0] ?? '']
  return style ? paper.paint(style, line) : line
}

/** Brackets on lines of their own also when nothing is between them, so that what is added stands alone. */
function printSorted(data: JsonObject): string {
  return Object.keys(data).length === 0 ? '{\n}\n' : `${printJson(parseJson(printCanonical(data)), 2)}\n`
}

function parseVersion(text: string): number {
  if (text === '0') return 0
  try {
    return parseCount(text)
  } catch {
    throw new InvalidArgumentError('It is a version as "history" shows it, such as 3.')
  }
}
