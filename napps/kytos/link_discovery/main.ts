import type { JsonObject } from '../../../model/value.ts'
import type { CreateNApp } from '../../../src/host/napp.ts'

/** What settings.schema.json promises, as far as it is needed here. */
interface LinkSettings {
  readonly polling_time: number
  readonly ignored_vlans: readonly number[]
  readonly loop_actions: readonly ('log' | 'disable')[]
}

/** Looks for links every `polling_time` seconds, and follows its settings while it runs. */
const createLinkDiscovery: CreateNApp = ({ id, ask, bus, log }) => {
  let epoch = 0
  let revision = 0n
  let polls = 0
  let timer: NodeJS.Timeout | undefined

  const poll = (settings: LinkSettings): void => {
    const { polling_time, ignored_vlans, loop_actions } = settings
    log.info(
      `poll ${++polls}: every ${polling_time} s, ignoring VLANs [${ignored_vlans.join(', ')}], on a loop: ${loop_actions.join(', ') || 'nothing'}`,
    )
  }

  const follow = (data: JsonObject): void => {
    // The service hands over only what the schema allows.
    const settings = data as unknown as LinkSettings
    clearInterval(timer)
    timer = setInterval(poll, settings.polling_time * 1_000, settings)
  }

  /** Takes what is news; a fact from before what is known here is late, and a new epoch beats every revision. */
  const hear = (news: { readonly data: JsonObject; readonly revision: string; readonly epoch: number }): void => {
    const isOld = news.epoch < epoch || (news.epoch === epoch && BigInt(news.revision) < revision)
    if (isOld) return
    epoch = news.epoch
    revision = BigInt(news.revision)
    follow(news.data)
  }

  return {
    async setup() {
      bus.on('settings.changed', event => hear(event.content), { namespace: id })
      hear(await ask('kytos.settings.retrieve', { namespace: id }))
    },
    shutdown() {
      clearInterval(timer)
    },
  }
}

export default createLinkDiscovery
