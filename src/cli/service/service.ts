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
import type { World } from '../terminal/world.ts'
import { type AddressOptions, findAddress } from './address.ts'
import { askJson } from './request.ts'
import { requestOf, type Said } from './settings-request.ts'

/** The settings service as a command speaks to it: the one that runs, or, where none runs on this host, its store. */
export interface Service {
  /** @throws SettingsError the service's own, SERVICE_ABSENT when there is neither a service nor a store that can be opened. */
  ask<N extends Said>(name: N, content: CommandContent<N>): Promise<CommandAnswer<N>>
  /** Its bus, for whoever asks much or what REST does not say. @throws SettingsError as `ask` does. */
  bus(): Promise<Ask>
  /** True once the store itself was opened, because no service runs on this host. */
  isOwnStore(): boolean
  /** Lets go of the bus and of the store, where they were opened; the next question looks for a service anew. */
  release(): Promise<void>
}

/** Adds what every command takes that speaks to the service. */
export function addServiceOptions(command: Command): Command {
  return command
    .option('--url <address>', 'the service, such as http://127.0.0.1:8181 (also KYTOS_SETTINGS_URL); else the one of this host')
    .option('--token-file <file>', 'the file with the token to show it (also KYTOS_SETTINGS_TOKEN, the token itself)')
    .option('--json', 'for machines')
}

interface ServiceOptions extends AddressOptions {
  /** Never the store itself: what is asked makes no sense without a service that goes on. */
  readonly serviceOnly?: boolean
  /** Nothing is to be written, so no store is made either. */
  readonly dryRun?: boolean
}

/** Gives the service to `work`, and lets go of it afterwards. */
export async function withService<Result>(options: ServiceOptions, world: World, work: (service: Service) => Promise<Result>): Promise<Result> {
  const service = createClient(options, world)
  try {
    return await work(service)
  } finally {
    await service.release()
  }
}

function createClient(options: ServiceOptions, world: World): Service {
  let store: OwnStore | undefined
  let bus: RemoteBus | undefined
  const askStore = ({ bus }: OwnStore): Ask => {
    const view = bus.view({ type: 'user', name: userInfo().username })
    return (name, content, options) => ask(view, name, content, options)
  }
  const client: Service = {
    async ask(name, content) {
      if (store) return askStore(store)(name, content)
      // Anew each time: a service that was started again has another token for its owner.
      const { address, config } = await findAddress(options, world)
      try {
        const answer = await askJson(address, requestOf(name, content))
        // The service answers as the table of commands has it, but for one version of the history, which REST gives by itself.
        return (name === 'kytos.settings.history' && !isArray(answer) ? [answer] : answer) as unknown as CommandAnswer<typeof name>
      } catch (error) {
        if (!config || options.serviceOnly || !isSettingsError(error, 'SERVICE_ABSENT') || error.details.reason !== 'ECONNREFUSED') throw error
        store = await openInstead(config, world, error, options.dryRun)
        return askStore(store)(name, content)
      }
    },
    async bus() {
      // Finds out at once whether there is a service, and whether it lets this in; a line would be tried for long.
      await client.ask('kytos.settings.list', { prefix: 'kytos/settings' })
      if (store) return askStore(store)
      const { url, token, isOwn = false } = (await findAddress(options, world)).address
      // Only when it is needed: every command loads this file.
      const { openRemoteBus } = await import('../../client/remote/remote-bus.ts')
      const line = await openRemoteBus(`${url}${API}/bus`, { ...(token !== undefined && { token }), anyCertificate: isOwn })
      bus = line
      return (name, content, options) => line.ask(name, content, options)
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

async function openInstead(config: Config, { stderr, env }: World, absent: SettingsError, dryRun = false): Promise<OwnStore> {
  // Only when it is needed: the clients of the stores take longer to load than all the rest.
  const { openOwnStore } = await import('../../app/own-store.ts')
  const { warn, error, child } = createConsoleLog(stderr, 'store', env)
  try {
    const store = await openOwnStore(config, { info: () => {}, warn, error, child }, { dryRun })
    const opened = 'no service runs here, so this opens its store itself; no NApp hears of it before its next start.'
    stderr.write(`kytos-settings: ${store.isThere ? opened : 'no service runs here, and there is no store yet.'}\n`)
    return store
  } catch (cause) {
    const why = toSettingsError(cause).message
    throw new SettingsError('SERVICE_ABSENT', `${absent.message} Its store cannot be opened either: ${why}`, { cause })
  }
}
