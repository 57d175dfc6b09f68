import { type Command, InvalidArgumentError } from 'commander'
import { differences } from '../../../events/differences.ts'
import { SettingsError } from '../../../model/errors.ts'
import type { JsonObject } from '../../../model/value.ts'
import type { AddressOptions } from '../service/address.ts'
import { addServiceOptions, type Service, withService } from '../service/service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { parseCount } from '../terminal/parse-count.ts'
import { printAnswer } from '../terminal/print-answer.ts'
import { printMessage } from '../terminal/print-error.ts'
import { createTerminal } from '../terminal/terminal.ts'
import { diffAt } from './diff-at.ts'
import { parseTime, TIME_FORMS, type TypedTime } from './parse-time.ts'
import { printPatch, type Side } from './print-patch.ts'

interface DiffOptions extends AddressOptions {
  readonly json?: boolean
  readonly scope?: string
  readonly against?: string
  readonly effective?: boolean
  readonly at?: TypedTime
}

/** The two sides of a comparison, and its members of the JSON answer. */
interface Comparison {
  readonly from: Side
  readonly to: Side
  readonly answer: JsonObject
}

/** The versions that were named; both absent for the last change. */
interface Versions {
  readonly v1: number | undefined
  readonly v2: number | undefined
}

const EXAMPLES = `
Examples:
  kytos-settings diff kytos/link_discovery         the last change
  kytos-settings diff kytos/link_discovery 2       all changes since version 2
  kytos-settings diff kytos/link_discovery 2 4     from version 2 to version 4
  kytos-settings diff kytos/link_discovery --at 03:00          all changes since 03:00
  kytos-settings diff --at 2h                      those of all NApps since two hours ago
  kytos-settings diff kytos/link_discovery --effective         overrides against the effective settings
  kytos-settings diff kytos/link_discovery --against controller:c2
  kytos-settings diff kytos/link_discovery -s controller:c1 --against controller:c2 --effective

"kytos-settings history" lists the versions; 0 is the state before the first.
Overrides are compared, with sorted keys; --json lists the differences by JSON Pointer.
TIME: ${TIME_FORMS}.`

/** Adds `diff`, which shows the differences between two versions, two scopes, or a time and now. */
export function addDiffCommand(program: Command, context: CliContext): void {
  addServiceOptions(program.command('diff'))
    .description('show the differences between versions, scopes, or a time and now, line by line')
    .argument('[napp]', 'username/name; with --at, default: all NApps')
    .argument('[v1]', 'older version; default: the one before the newer version', parseVersion)
    .argument('[v2]', 'newer version; default: the current one', parseVersion)
    .option('-s, --scope <scope>', 'cluster, controller or controller:ID', 'cluster')
    .option('--against <scope>', 'compare the current settings with those of this scope')
    .option('--effective', 'compare overrides with effective settings; with --against, effective settings')
    .option('--at <time>', 'compare the overrides at this time with the current ones', text =>
      parseTime(text),
    )
    .addHelpText('after', EXAMPLES)
    .action(
      (
        namespace: string | undefined,
        v1: number | undefined,
        v2: number | undefined,
        _options,
        command: Command,
      ) => diff(namespace, { v1, v2 }, command.optsWithGlobals<DiffOptions>(), context),
    )
}

/** @throws SettingsError CONTENT_MALFORMED for options that cannot be combined. */
async function diff(
  namespace: string | undefined,
  versions: Versions,
  { json, scope = 'cluster', against, effective = false, at, ...options }: DiffOptions,
  context: CliContext,
): Promise<void> {
  const kinds = [versions.v1 !== undefined, against !== undefined || effective, at !== undefined]
  if (kinds.filter(Boolean).length > 1)
    throw new SettingsError(
      'CONTENT_MALFORMED',
      'Versions, --at, and --against or --effective cannot be combined: use one of them.',
    )
  const terminal = createTerminal(context.stdout, context.env)
  return withService(options, context, async service => {
    if (at) return diffAt(service, { namespace, scope }, at, { json, terminal }, context)
    if (namespace === undefined) throw new SettingsError('CONTENT_MALFORMED', 'diff requires a NApp or --at.')
    const place = { namespace, scope }
    const { from, to, answer } = await (against !== undefined || effective
      ? compareNow(service, place, { against, effective })
      : compareVersions(service, place, versions))
    const changes = differences(from.data, to.data)
    const toText = (): string => printPatch(namespace, from, to, terminal)
    printAnswer(json, { namespace, scope, ...answer, changes }, toText, context)
    if (!json && changes.length === 0)
      printMessage(context.stderr, `${from.label} and ${to.label} of ${namespace} are equal.`)
  })
}

interface Place {
  readonly namespace: string
  readonly scope: string
}

async function compareVersions(service: Service, place: Place, { v1, v2 }: Versions): Promise<Comparison> {
  const to = await (v2 === undefined ? readNow(service, place) : readVersion(service, place, v2))
  const from = await readVersion(service, place, v1 ?? Math.max(0, to.version - 1))
  return { from, to, answer: { from: from.version, to: to.version } }
}

/** Compares the current overrides of two scopes, or effective settings. */
async function compareNow(
  service: Service,
  { namespace, scope }: Place,
  { against, effective }: { readonly against: string | undefined; readonly effective: boolean },
): Promise<Comparison> {
  const here = await service.ask('kytos.settings.retrieve', { namespace, scope })
  if (against === undefined)
    return {
      from: { data: here.overrides, label: `overrides (${scope})` },
      to: { data: here.data, label: 'effective settings' },
      answer: { effective: true },
    }
  const there = await service.ask('kytos.settings.retrieve', { namespace, scope: against })
  const what = effective ? 'effective' : 'overrides'
  return {
    from: { data: effective ? here.data : here.overrides, label: `${what} (${scope})` },
    to: { data: effective ? there.data : there.overrides, label: `${what} (${against})` },
    answer: { against, effective },
  }
}

interface Version extends Side {
  /** The version in the history; 0 before the first. */
  readonly version: number
}

async function readNow(service: Service, place: Place): Promise<Version> {
  const { version, overrides } = await service.ask('kytos.settings.retrieve', place)
  return { version, data: overrides, label: version === 0 ? 'now' : `version ${version} (now)` }
}

async function readVersion(service: Service, place: Place, version: number): Promise<Version> {
  if (version === 0) return { version, data: {}, label: 'version 0' }
  const [record] = await service.ask('kytos.settings.history', { ...place, version })
  if (!record)
    throw new SettingsError(
      'VERSION_NOT_FOUND',
      `The history of ${place.namespace} has no version ${version}. "kytos-settings history ${place.namespace}" lists the versions.`,
    )
  return { version, data: record.data ?? {}, label: `version ${version}` }
}

function parseVersion(text: string): number {
  if (text === '0') return 0
  try {
    return parseCount(text)
  } catch {
    throw new InvalidArgumentError('Use a version from "kytos-settings history", such as 3.')
  }
}
