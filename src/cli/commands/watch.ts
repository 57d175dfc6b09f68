import { type Command, InvalidArgumentError } from 'commander'
import { printJson } from '../../../model/json.ts'
import { parseNamespace } from '../../../model/namespace.ts'
import { toJson } from '../../../model/value.ts'
import { describeEvent } from '../print/event-report.ts'
import { type AddressOptions, findAddress } from '../service/address.ts'
import { follow } from '../service/follow.ts'
import { addServiceOptions, withService } from '../service/service.ts'
import { createWatchMemory } from '../service/watch-memory.ts'
import type { CliContext } from '../terminal/cli-context.ts'
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
  kytos-settings watch --since 0                 all retained changes, then new ones
  kytos-settings watch --json | jq -r '.content.namespace'

Prints one line for each changed value. After a restart of the service it reconnects and misses no change.
Ctrl-C stops it and prints the cursor with which --since resumes. With --json each line is one event.`

/** Adds `watch`, which prints changes as they happen. */
export function addWatchCommand(program: Command, context: CliContext): void {
  addServiceOptions(program.command('watch'))
    .description('print changes as they happen, until Ctrl-C')
    .argument('[napp]', 'only this NApp')
    .option('--since <cursor>', 'start after this cursor; default: now', parseCursor)
    .addHelpText('after', EXAMPLES)
    .action((napp: string | undefined, _options, command: Command) =>
      watch(napp, command.optsWithGlobals<WatchOptions>(), context),
    )
}

async function watch(
  napp: string | undefined,
  { json, since, ...options }: WatchOptions,
  context: CliContext,
): Promise<void> {
  const namespaces = napp === undefined ? [] : [parseNamespace(napp)]
  const { stdout, stderr } = context
  const terminal = createTerminal(stdout, context.env)
  const report = (what: string): void => void printMessage(stderr, what)
  let isDisconnected = false
  const memory =
    since === undefined
      ? await withService({ ...options, serviceOnly: true }, context, service =>
          createWatchMemory(service, namespaces),
        )
      : undefined
  const cursor = await follow({
    find: () => findAddress(options, context),
    namespaces,
    since,
    signal: context.interruption(),
    heard: event => {
      const seen = memory?.take(event) ?? [event]
      stdout.write(
        json ? `${printJson(toJson(event))}\n` : seen.map(one => describeEvent(one, terminal)).join(''),
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

function parseCursor(text: string): string {
  if (/^(?:0|\d+\.\d+\.\d+)$/.test(text)) return text
  throw new InvalidArgumentError(
    'Use a cursor that "watch" prints at its end, such as 1764244800000.42.0, or 0 for the beginning.',
  )
}
