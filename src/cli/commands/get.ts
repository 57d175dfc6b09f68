import type { Command } from 'commander'
import type { Settings } from '../../../events/nouns.ts'
import { hasControls } from '../../../model/control-characters.ts'
import { SettingsError } from '../../../model/errors.ts'
import { printJson } from '../../../model/json.ts'
import { type Json, type JsonObject, setMember } from '../../../model/value.ts'
import { settingNotFound } from '../edit/setting-not-found.ts'
import type { AddressOptions } from '../service/address.ts'
import { addServiceOptions, type Service, withService } from '../service/service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { byKey, leavesIn, parseKey, pathsIn, printKey, valueAt } from '../terminal/key-path.ts'
import { parseCount } from '../terminal/parse-count.ts'
import { printAnswer, rejectedRemarks, scopeRemarks, show } from '../terminal/print-answer.ts'
import { printMessage } from '../terminal/print-error.ts'
import { type Cell, printTable } from '../terminal/table.ts'
import { createTerminal, type Terminal } from '../terminal/terminal.ts'
import { printAllAt, readAt } from '../undo/get-at.ts'
import { parseTime, TIME_FORMS, type TypedTime } from '../undo/parse-time.ts'

interface GetOptions extends AddressOptions {
  readonly json?: boolean
  readonly scope?: string
  readonly version?: number
  readonly at?: TypedTime
}

const EXAMPLES = `
Examples:
  kytos-settings get                                     all settings of all NApps
  kytos-settings get kytos/link_discovery
  kytos-settings get link_discovery                      a name that only one NApp has
  kytos-settings get kytos/link_discovery polling_time
  kytos-settings get kytos/link_discovery liveness.min_hellos
  kytos-settings get kytos/link_discovery /ignored_loops/00:00:00:00:00:00:00:01
  kytos-settings get kytos/link_discovery --scope controller:controller-2
  kytos-settings get kytos/link_discovery --version 3    the overrides as they were
  kytos-settings get kytos/link_discovery --at 03:00     the overrides at this time
  kytos-settings get --at '2026-11-27 03:00'             those of all NApps
  kytos-settings get kytos/link_discovery --json

KEY is a path of keys separated by dots, or a JSON Pointer, for keys that contain a dot.
A single value is printed alone: a string without quotes, any other value as JSON.
A string with control characters is printed as JSON, in which they are escaped.
TIME: ${TIME_FORMS}.`

/** Adds `get`, which shows the effective settings on the controller of the service, or on another one. */
export function addGetCommand(program: Command, context: CliContext): void {
  addServiceOptions(program.command('get'))
    .description('show the effective settings of a NApp, or one of them, or those of all NApps')
    .argument('[napp]', 'username/name; default: all NApps')
    .argument('[key]', 'such as liveness.min_hellos or /liveness/min_hellos')
    .option(
      '-s, --scope <scope>',
      'scope whose overrides are marked; with controller:ID, the settings of that controller',
      'cluster',
    )
    .option('--version <version>', 'the overrides of this version of the history', parseCount)
    .option('--at <time>', 'the overrides at this time, of one NApp or of all', text => parseTime(text))
    .addHelpText('after', EXAMPLES)
    .action((namespace: string | undefined, key: string | undefined, _options, command: Command) => {
      const { json, scope = 'cluster', version, at, ...options } = command.optsWithGlobals<GetOptions>()
      const path = key === undefined ? undefined : parseKey(key)
      const terminal = createTerminal(context.stdout, context.env)
      return withService(options, context, async service => {
        if (at && version !== undefined)
          throw new SettingsError('CONTENT_MALFORMED', '--at and --version cannot be combined.')
        if (namespace === undefined) return getAll(service, { json, scope, version, at }, terminal, context)
        const place = { namespace, scope }
        const past = { ...place, version, at }
        const data =
          version === undefined && !at
            ? await getNow(service, place, { json: json && !path, isWhole: !path }, terminal, context)
            : await getPast(service, past, { json, isWhole: !path }, terminal, context)
        if (!path) return
        const value = valueAt(data, path)
        if (value === undefined) throw settingNotFound(namespace, path, pathsIn(data), pastOf(past))
        printAnswer(json, value, () => `${printValue(value)}\n`, context)
      })
    })
}

interface Place {
  readonly namespace: string
  readonly scope: string
}

interface Format {
  readonly json: boolean | undefined
  /** False for a single value, which the caller prints. */
  readonly isWhole: boolean
}

async function getNow(
  service: Service,
  place: Place,
  { json, isWhole }: Format,
  terminal: Terminal,
  context: CliContext,
): Promise<JsonObject> {
  const settings = await service.ask('kytos.settings.retrieve', place)
  for (const remark of [...scopeRemarks(settings, place.scope), ...rejectedRemarks(settings)])
    printMessage(context.stderr, remark)
  if (isWhole) printAnswer(json, settings, () => printSettings(settings, terminal), context)
  else if (settings.state !== 'READY') printMessage(context.stderr, staleRemark(settings))
  return settings.data
}

/** The overrides of a version, or at a time. */
interface Past extends Place {
  readonly version: number | undefined
  readonly at: TypedTime | undefined
}

/** The part of the message for a missing override. */
function pastOf({ version, at }: Past): string | undefined {
  if (at) return `(at ${at.shown}) had no override for`
  return version === undefined ? undefined : `(version ${version}) has no override for`
}

/** @throws SettingsError VERSION_NOT_FOUND, VERSION_PRUNED. */
async function getPast(
  service: Service,
  { at, version = 0, ...place }: Past,
  format: Format,
  terminal: Terminal,
  context: CliContext,
): Promise<JsonObject> {
  if (!at) return getVersion(service, { ...place, version }, format, terminal, context)
  const document = await readAt(service, place, at, context)
  const data = document.data ?? {}
  const empty = `${place.namespace} had no overrides at ${at.shown}.\n`
  if (format.isWhole)
    printAnswer(
      format.json,
      document,
      () => (isEmpty(data) ? empty : printTable(['Key', VALUE], rowsOf(data), terminal)),
      context,
    )
  return data
}

/** @throws SettingsError VERSION_NOT_FOUND. */
async function getVersion(
  service: Service,
  place: Place & { readonly version: number },
  { json, isWhole }: Format,
  terminal: Terminal,
  context: CliContext,
): Promise<JsonObject> {
  const { namespace, version } = place
  const [record] = await service.ask('kytos.settings.history', place)
  if (!record)
    throw new SettingsError(
      'VERSION_NOT_FOUND',
      `The history of ${namespace} has no version ${version}. "kytos-settings history ${namespace}" lists the versions.`,
    )
  const data = record.data ?? {}
  const empty = `${namespace} has no overrides at version ${version}.\n`
  if (isWhole)
    printAnswer(
      json,
      record,
      () => (isEmpty(data) ? empty : printTable(['Key', VALUE], rowsOf(data), terminal)),
      context,
    )
  return data
}

/** @throws SettingsError CONTENT_MALFORMED for options that need a NApp. */
async function getAll(
  service: Service,
  {
    json,
    scope,
    version,
    at,
  }: { readonly [Name in 'json' | 'scope' | 'version' | 'at']: GetOptions[Name] | undefined },
  terminal: Terminal,
  context: CliContext,
): Promise<void> {
  if (scope !== 'cluster' || version !== undefined)
    throw new SettingsError('CONTENT_MALFORMED', '--scope and --version need a NApp: name one.')
  if (at) return printAllAt(service, at, { json, terminal }, context)
  const summaries = await service.ask('kytos.settings.list', { include: ['data'] })
  const all: JsonObject = {}
  for (const { namespace, data = {} } of summaries) setMember(all, namespace, data)
  const [first] = summaries
  if (first && first.state !== 'READY') printMessage(context.stderr, staleRemark(first))
  const rows = summaries.flatMap(({ namespace, data = {} }) =>
    isEmpty(data) ? [] : rowsOf(data).map(row => [namespace, ...row]),
  )
  const empty = 'There are no settings yet: a NApp registers its settings when it starts.\n'
  printAnswer(
    json,
    all,
    () => (rows.length === 0 ? empty : printTable(['NApp', 'Key', VALUE], rows, terminal)),
    context,
  )
}

const VALUE = { head: 'Value', cut: true } as const

function rowsOf(data: JsonObject): readonly Cell[][] {
  return leavesIn(data)
    .sort(byKey)
    .map(path => [printKey(path), show(valueAt(data, path))])
}

function isEmpty(data: JsonObject): boolean {
  return Object.keys(data).length === 0
}

function staleRemark({ state, revision }: Pick<Settings, 'state' | 'revision'>): string {
  return `The store is unreachable (${state}): these settings are of revision ${revision} and may be outdated.`
}

function printSettings(settings: Settings, terminal: Terminal): string {
  const { namespace, data, overrides, state } = settings
  const stale = state === 'READY' ? '' : `${staleRemark(settings)}\n`
  if (isEmpty(data)) return `${stale}${namespace} has no settings.\n`
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
  return stale + printTable(['Key', VALUE, ''], rows, terminal)
}

/** A string without quotes; one with control characters as JSON, whose escapes keep its value. */
function printValue(value: Json): string {
  return typeof value === 'string' && !hasControls(value) ? value : printJson(value, 2)
}
