import { type Command, InvalidArgumentError } from 'commander'
import type { KytosEvent } from '../../../events/event.ts'
import type { Facts } from '../../../events/map.ts'
import { printJson } from '../../../model/json.ts'
import { parseNamespace } from '../../../model/namespace.ts'
import { toJson } from '../../../model/value.ts'
import { changesAt, describeEvent } from '../print/event-report.ts'
import { type AddressOptions, findAddress } from '../service/address.ts'
import { follow } from '../service/follow.ts'
import { addServiceOptions, withService } from '../service/service.ts'
import { createWatchMemory } from '../service/watch-memory.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { type Path, parseKey } from '../terminal/key-path.ts'
import { printMessage } from '../terminal/print-error.ts'
import { createTerminal } from '../terminal/terminal.ts'

interface WatchOptions extends AddressOptions {
  readonly json?: boolean
  readonly since?: string
}

const EXAMPLES = `
Examples:
  kytos-settings watch
  kytos-settings watch kytos/link_discovery
  kytos-settings watch kytos/link_discovery polling_time
  kytos-settings watch --since 0                 all retained changes, then new ones
  kytos-settings watch --json | jq -r '.content.namespace'

Prints one line for each changed value. After a restart of the service it reconnects and misses no change.
Ctrl-C stops it and prints the cursor with which --since resumes. With --json each line is one event.`

/** Adds `watch`, which prints changes as they happen. */
export function addWatchCommand(program: Command, context: CliContext): void {
  addServiceOptions(program.command('watch'))
    .description('print changes as they happen, until Ctrl-C')
    .argument('[napp]', 'only this NApp')
    .argument('[key]', 'only this setting and the settings below it')
    .option('--since <cursor>', 'start after this cursor; default: now', parseCursor)
    .addHelpText('after', EXAMPLES)
    .action((napp: string | undefined, key: string | undefined, _options, command: Command) =>
      watch(
        { napp, path: key === undefined ? [] : parseKey(key) },
        command.optsWithGlobals<WatchOptions>(),
        context,
      ),
    )
}

interface Watched {
  readonly napp: string | undefined
  readonly path: Path
}

async function watch(
  { napp, path }: Watched,
  { json, since, ...options }: WatchOptions,
  context: CliContext,
): Promise<void> {
  const { stdout, stderr } = context
  const terminal = createTerminal(stdout, context.env)
  const report = (what: string): void => void printMessage(stderr, what)
  let isDisconnected = false
  const { namespaces, memory } = await withService(
    { ...options, serviceOnly: true },
    context,
    async service => {
      const namespaces = napp === undefined ? [] : [parseNamespace(await service.idOf(napp))]
      return {
        namespaces,
        memory: since === undefined ? await createWatchMemory(service, namespaces) : undefined,
      }
    },
  )
  const cursor = await follow({
    find: () => findAddress(options, context),
    namespaces,
    since,
    signal: context.interruption(),
    heard: event => {
      const seen = (memory?.take(event) ?? [event]).filter(one => isAsked(one, path))
      if (seen.length === 0) return
      stdout.write(
        json ? `${printJson(toJson(event))}\n` : seen.map(one => describeEvent(one, terminal, path)).join(''),
      )
    },
    opened({ url }) {
      report(
        isDisconnected
          ? `Reconnected to ${url}.`
          : `Watching ${napp ?? 'all namespaces'} at ${url}; Ctrl-C stops it.`,
      )
      isDisconnected = false
    },
    lost(why) {
      if (!isDisconnected) report(`Connection lost (${why.message.replace(/\.$/, '')}); reconnecting.`)
      isDisconnected = true
    },
  })
  if (cursor !== undefined) report(`To resume from here: --since ${cursor}`)
}

/** False for a change that leaves the watched setting as it is. */
function isAsked({ name, content }: KytosEvent, path: Path): boolean {
  if (name !== 'settings.changed' || path.length === 0) return true
  // The name determines the type of the content.
  return changesAt((content as Facts['settings.changed']).changes, path).length > 0
}

function parseCursor(text: string): string {
  if (/^(?:0|\d+\.\d+\.\d+)$/.test(text)) return text
  throw new InvalidArgumentError(
    'Use a cursor that "watch" prints at its end, such as 1764244800000.42.0, or 0 for the beginning.',
  )
}
