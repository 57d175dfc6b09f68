import type { CreateNApp } from '../../../src/client/napp.ts'
import { SCHEMA } from './settings.ts'

/** Looks for links every `polling_time` seconds, and follows its settings while it runs. */
const createLinkDiscovery: CreateNApp = ({ openSettings, log }) => {
  let polls = 0
  let timer: NodeJS.Timeout | undefined

  return {
    async setup() {
      const settings = await openSettings(SCHEMA)

      const poll = (): void => {
        const { polling_time, ignored_vlans, loop_actions } = settings.values
        log.info(
          `poll ${++polls}: every ${polling_time} s, ignoring VLANs [${ignored_vlans.join(', ')}], on a loop: ${loop_actions.join(', ') || 'nothing'}`,
        )
      }
      const begin = (seconds: number): void => {
        clearInterval(timer)
        timer = setInterval(poll, seconds * 1_000)
      }

      begin(settings.values.polling_time)
      settings.on('polling_time', begin)
    },
    shutdown() {
      clearInterval(timer)
    },
  }
}

export default createLinkDiscovery
