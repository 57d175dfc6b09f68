import type { Command, Option } from 'commander'
import type { CommandAnswer, CommandContent } from '../../../events/map.ts'
import { hasControls } from '../../../model/control-characters.ts'
import { isArray } from '../../../model/value.ts'
import { findConfig, loadConfig } from '../../boot/config.ts'
import { discover } from '../../host/discover.ts'
import { shippedNApps } from '../../host/shipped.ts'
import { declaredPaths, firstKeyword, schemasAt } from '../edit/schema-place.ts'
import { type AddressOptions, findAddress, withAddress } from '../service/address.ts'
import { askJson } from '../service/request.ts'
import { requestOf, type Said } from '../service/settings-request.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { parseKey, pathsIn, printKey } from '../terminal/key-path.ts'
import { show } from '../terminal/print-answer.ts'
import { COMPLETION_SCRIPTS } from './completion-scripts.ts'

/** The command line before the word to complete. */
interface Line {
  readonly command: Command
  readonly positionals: readonly string[]
  /** The option whose value is completed. */
  readonly option: Option | undefined
  readonly options: AddressOptions
}

type Ask = <N extends Said>(name: N, content: CommandContent<N>) => Promise<CommandAnswer<N>>

/** Requests file names in place of candidates. */
const FILES = ':files'
/** Milliseconds after which a completion without an answer ends. */
const COMPLETION_TIMEOUT_MS = 2_000
const VALUES: Readonly<Record<string, readonly string[]>> = {
  '--scope': ['cluster', 'controller', 'controller:'],
  '--config': [FILES],
  '--token-file': [FILES],
  '--import': [FILES],
  '--schema-out': [FILES],
  '--from': [FILES],
  '--to': [FILES],
  '--dir': [FILES],
  '--rights': ['read', 'write', 'admin'],
}

/**
 * The candidates for the last word; empty if unknown. Never throws, because a shell has no place for an
 * error.
 */
export async function complete(
  program: Command,
  words: readonly string[],
  context: CliContext,
): Promise<readonly string[]> {
  const current = words.at(-1) ?? ''
  const line = readLine(program, words.slice(0, -1))
  try {
    const candidates = await candidatesFor(program, line, current, context)
    return [...new Set(candidates)].filter(
      candidate => candidate === FILES || (candidate.startsWith(current) && isSafeWord(candidate)),
    )
  } catch {
    return [] // no service, or no permission
  }
}

/**
 * False for a candidate that a shell would not insert as it is: with spaces, control characters, or characters
 * that run a command, such as `$(` and `;`.
 */
function isSafeWord(candidate: string): boolean {
  return !/[\s$`;&|<>()\\'"!*?#{}]/.test(candidate) && !hasControls(candidate)
}

async function candidatesFor(
  program: Command,
  { command, positionals, option, options }: Line,
  current: string,
  context: CliContext,
): Promise<readonly string[]> {
  const ask: Ask = async (name, content) => {
    const request = { ...requestOf(name, content), patience: COMPLETION_TIMEOUT_MS }
    const answer = await withAddress(
      () => findAddress(options, context),
      ({ address }) => askJson(address, request),
    )
    // The service answers with the type of the command.
    return answer as unknown as CommandAnswer<typeof name>
  }
  const namespaces = async () => (await ask('kytos.settings.list', {})).map(one => one.namespace)
  if (option?.long === '--namespace') return namespaces()
  if (option) return option.argChoices ?? VALUES[option.long ?? ''] ?? []
  if (current.startsWith('-')) return flagsOf(command, program)
  if (command.commands.length > 0)
    return command.commands.filter(one => !one.name().startsWith('__')).map(one => one.name())
  const argument =
    command.registeredArguments[Math.min(positionals.length, command.registeredArguments.length - 1)]
  if (!argument || (positionals.length >= command.registeredArguments.length && !argument.variadic)) return []
  const [namespace = ''] = positionals
  switch (argument.name()) {
    case 'napp':
      return command.parent?.name() !== 'napps' ? namespaces() : installed(command.name(), options, context)
    case 'prefix':
    case 'namespace':
      return namespaces()
    case 'key':
      return command.name() === 'unset' ? overriddenKeys(ask, namespace) : keysOf(ask, namespace)
    case 'key=value':
      return current.includes('=')
        ? valuesFor(ask, namespace, current)
        : innermost(await keysOf(ask, namespace)).map(key => `${key}=`)
    case 'v1':
    case 'v2':
      return (await ask('kytos.settings.history', { namespace, limit: 50 })).map(({ version }) =>
        String(version),
      )
    case 'shell':
      return Object.keys(COMPLETION_SCRIPTS)
    case 'file':
    case 'folder':
      return [FILES]
    default:
      return []
  }
}

/** The NApps of this host that a command can enable, disable or uninstall. */
async function installed(
  name: string,
  { config }: AddressOptions,
  context: CliContext,
): Promise<readonly string[]> {
  const { daemon } = await loadConfig(findConfig(config, context), { isNamed: config !== undefined })
  const { napps, broken } = await discover(daemon.napps)
  const known = [...napps, ...broken]
  if (name === 'uninstall') return known.map(({ id }) => id)
  if (name === 'disable' || name === 'reload') return known.filter(napp => napp.enabled).map(({ id }) => id)
  const shipped = (await shippedNApps()).filter(({ id }) => !known.some(napp => napp.id === id))
  return [...napps.filter(napp => !napp.enabled), ...shipped].map(({ id }) => id)
}

function readLine(program: Command, words: readonly string[]): Line {
  let command = program
  let option: Option | undefined
  const positionals: string[] = []
  const options: { config?: string; url?: string; tokenFile?: string } = {}
  for (const word of words) {
    if (option) {
      if (option.long === '--config') options.config = word
      if (option.long === '--url') options.url = word
      if (option.long === '--token-file') options.tokenFile = word
      option = undefined
    } else if (word.startsWith('-')) {
      const found = [...command.options, ...program.options].find(
        one => one.long === word || one.short === word,
      )
      option = found?.required ? found : undefined
    } else {
      const inner = positionals.length === 0 ? command.commands.find(one => one.name() === word) : undefined
      if (inner) command = inner
      else positionals.push(word)
    }
  }
  return { command, positionals, option, options }
}

function flagsOf(command: Command, program: Command): readonly string[] {
  return [...command.options, ...program.options]
    .flatMap(one => (one.long && !one.hidden ? [one.long] : []))
    .concat('--help')
}

async function keysOf(ask: Ask, namespace: string): Promise<readonly string[]> {
  const [{ data }, description] = await Promise.all([
    ask('kytos.settings.retrieve', { namespace }),
    ask('kytos.settings.describe', { namespace }).catch(() => undefined),
  ])
  const declared = description ? declaredPaths(description.schema) : []
  return [...declared, ...pathsIn(data)].map(printKey)
}

/** The keys without objects that only contain other settings. */
function innermost(keys: readonly string[]): readonly string[] {
  return keys.filter(key => !keys.some(other => other.startsWith(`${key}.`) || other.startsWith(`${key}/`)))
}

async function overriddenKeys(ask: Ask, namespace: string): Promise<readonly string[]> {
  return pathsIn((await ask('kytos.settings.retrieve', { namespace })).overrides).map(printKey)
}

async function valuesFor(ask: Ask, namespace: string, current: string): Promise<readonly string[]> {
  const key = current.slice(0, current.indexOf('='))
  const { schema } = await ask('kytos.settings.describe', { namespace })
  const schemas = schemasAt(schema, parseKey(key))
  const allowed = firstKeyword(schemas, 'enum')
  const values = isArray(allowed) ? allowed : firstKeyword(schemas, 'type') === 'boolean' ? [true, false] : []
  return values.map(value => `${key}=${typeof value === 'string' ? value : show(value)}`)
}
