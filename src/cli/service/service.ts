import { userInfo } from 'node:os'
import type { Command } from 'commander'
import { ask } from '../../../events/ask.ts'
import type { CommandAnswer, CommandContent } from '../../../events/map.ts'
import { isSettingsError, SettingsError, toSettingsError } from '../../../model/errors.ts'
import { isArray } from '../../../model/value.ts'
import type { OwnStore } from '../../app/own-store.ts'
import type { Config } from '../../boot/config.ts'
import type { RemoteBus } from '../../client/remote/remote-bus.ts'
import { API } from '../../http/openapi/paths.ts'
import type { Ask } from '../../import/ask.ts'
import { createConsoleLog } from '../../log/console-log.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { printMessage } from '../terminal/print-error.ts'
import { type AddressOptions, findAddress, withAddress } from './address.ts'
import { idOfName, namesIn, withIds } from './napp-name.ts'
import { askJson } from './request.ts'
import { requestOf, type Said } from './settings-request.ts'

/**
 * The settings service of a command: the running one, or the store opened directly if none is running on this
 * host.
 */
export interface Service {
  /**
   * @throws SettingsError the error of the service; SERVICE_ABSENT with neither a service nor a store that
   * can be opened.
   */
  ask<N extends Said>(name: N, content: CommandContent<N>): Promise<CommandAnswer<N>>
  /** Its bus, for many commands or commands without a REST route. @throws SettingsError as `ask`. */
  bus(): Promise<Ask>
  /** The id of a NApp, also of one that is given by a name that no other known NApp has. */
  idOf(napp: string): Promise<string>
  /** True once the store was opened directly, because no service is running on this host. */
  isOwnStore(): boolean
  /** Closes the bus and the store if they are open; the next command finds the service again. */
  release(): Promise<void>
}

/** Adds the options of every command that calls the service. */
export function addServiceOptions(command: Command): Command {
  return command
    .option(
      '-u, --url <address>',
      'address of the service, such as http://127.0.0.1:8181; repeated: the first that answers (or KYTOS_SETTINGS_URL, with commas between them); default: this host',
      joinUrls,
    )
    .option('--token-file <file>', 'file with the API token (or KYTOS_SETTINGS_TOKEN, the token itself)')
    .option('-j, --json', 'print JSON')
}

/** The addresses of a repeated `--url` as one list. */
function joinUrls(url: string, before?: string): string {
  return before === undefined ? url : `${before},${url}`
}

/** The commands whose `namespace` may also be one of boxes, which has no username. */
const OF_BOXES_TOO: readonly Said[] = ['kytos.settings.status', 'kytos.settings.restore_files']

interface ServiceOptions extends AddressOptions {
  /** Never opens the store directly: the command requires a running service. */
  readonly serviceOnly?: boolean
  /** Writes nothing, and creates no store. */
  readonly dryRun?: boolean
}

/** Runs `work` with the service and releases the service afterwards. */
export async function withService<Result>(
  options: ServiceOptions,
  context: CliContext,
  work: (service: Service) => Promise<Result>,
): Promise<Result> {
  const service = createClient(options, context)
  try {
    return await work(service)
  } finally {
    await service.release()
  }
}

function createClient(options: ServiceOptions, context: CliContext): Service {
  let store: OwnStore | undefined
  let bus: RemoteBus | undefined
  const askStore = ({ bus }: OwnStore): Ask => {
    const view = bus.view({ type: 'user', name: userInfo().username, by: 'local' })
    return (name, content, options) => ask(view, name, content, options)
  }
  // For each command, because a restarted service has another token for its owner.
  const find = () => findAddress(options, context)
  /** The content with the id of its NApp in place of a name that only one known NApp has. */
  const withId = async <Content extends object>(content: Content): Promise<Content> => {
    const names = namesIn(content)
    if (names.length === 0) return content
    const summaries = await client.ask('kytos.settings.list', {})
    return withIds(content, new Map(names.map(name => [name, idOfName(name, summaries)])))
  }
  const client: Service = {
    async ask(name, given) {
      const content = OF_BOXES_TOO.includes(name) ? given : await withId(given)
      if (store) return askStore(store)(name, content)
      let config: Config | undefined
      try {
        const answer = await withAddress(find, found => {
          config = found.config
          return askJson(found.address, requestOf(name, content))
        })
        // The service answers with the type of the command, except for one version of the history, which REST
        // returns without an array.
        return (name === 'kytos.settings.history' && !isArray(answer)
          ? [answer]
          : answer) as unknown as CommandAnswer<typeof name>
      } catch (error) {
        if (
          !config ||
          options.serviceOnly ||
          !isSettingsError(error, 'SERVICE_ABSENT') ||
          error.details.reason !== 'ECONNREFUSED'
        )
          throw error
        store = await openInstead(config, context, error, options.dryRun)
        return askStore(store)(name, content)
      }
    },
    async bus() {
      // Fails at once without a service or permission; a WebSocket would be retried for long.
      await client.ask('kytos.settings.list', { prefix: 'kytos/settings' })
      if (store) return askStore(store)
      // Loaded on demand, because every command loads this file.
      const { openRemoteBus } = await import('../../client/remote/remote-bus.ts')
      const remote = await withAddress(find, ({ address: { url, token, isOwn = false } }) =>
        openRemoteBus(`${url}${API}/bus`, { ...(token !== undefined && { token }), anyCertificate: isOwn }),
      )
      bus = remote
      return (name, content, options) => remote.ask(name, content, options)
    },
    async idOf(napp) {
      return (await withId({ namespace: napp })).namespace
    },
    isOwnStore: () => store !== undefined,
    async release() {
      await bus?.close()
      await store?.close()
      bus = undefined
      store = undefined
    },
  }
  return client
}

async function openInstead(
  config: Config,
  { stderr, env }: CliContext,
  absent: SettingsError,
  dryRun = false,
): Promise<OwnStore> {
  // Loaded on demand, because the clients of the stores load slowly.
  const { openOwnStore } = await import('../../app/own-store.ts')
  const { warn, error, child } = createConsoleLog(stderr, 'store', env)
  try {
    const store = await openOwnStore(config, { info: () => {}, warn, error, child }, { dryRun })
    const opened = 'No service is running here; opening the store directly.'
    printMessage(stderr, store.exists ? opened : 'No service is running here, and no store exists yet.')
    return store
  } catch (cause) {
    const why = toSettingsError(cause).message
    throw new SettingsError('SERVICE_ABSENT', `${absent.message} The store cannot be opened either: ${why}`, {
      cause,
    })
  }
}
