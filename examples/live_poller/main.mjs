/** @type {import('kytos-settings').CreateNApp} */
const createNApp = ({ openSettings, log }) => {
  let timer = /** @type {NodeJS.Timeout | undefined} */ (undefined)
  return {
    async setup() {
      const settings = await openSettings({
        type: 'object',
        additionalProperties: false,
        'x-apply': 'live',
        properties: {
          interval: { type: 'number', minimum: 0.05, maximum: 3600, default: 5, description: 'Seconds' },
          targets: { type: 'array', items: { type: 'string' }, default: [], description: 'Targets to poll' },
        },
      })
      const poll = () => log.info(`polling ${settings.values.targets.join(', ') || 'no targets'}`)
      const begin = (/** @type {number} */ seconds) => {
        clearInterval(timer)
        timer = setInterval(poll, seconds * 1000)
      }
      begin(settings.values.interval)
      settings.on('interval', begin)
      settings.on('targets', (now, before) => log.info(`targets: ${before.length} -> ${now.length}`))
    },
    shutdown() {
      clearInterval(timer)
    },
  }
}
export default createNApp
