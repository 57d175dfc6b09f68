import { SCHEMA } from './schema.mjs'

/**
 * Polls for links every `polling_time` seconds, and applies changed settings while it runs.
 *
 * @type {import('kytos-settings').CreateNApp}
 */
const createLinkDiscovery = ({ openSettings, log }) => {
  let polls = 0
  /** @type {NodeJS.Timeout | undefined} */
  let timer

  return {
    async setup() {
      const settings = await openSettings(SCHEMA)

      const poll = () => {
        const { polling_time, ignored_vlans, loop_actions } = settings.values
        const vlans = ignored_vlans.join(', ')
        const actions = loop_actions.join(', ') || 'nothing'
        log.info(`poll ${++polls}: every ${polling_time} s, ignoring VLANs [${vlans}], on a loop: ${actions}`)
      }
      const begin = (/** @type {number} */ seconds) => {
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
