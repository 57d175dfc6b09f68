import { printJson } from 'kytos-settings'

/**
 * Logs one line for every setting that changes, of any NApp. The first defaults of a NApp are one line.
 *
 * @type {import('kytos-settings').CreateNApp}
 */
const createChangeLog = ({ bus, log }) => ({
  setup() {
    bus.on('settings.changed', ({ content: { namespace, scope, changes, actor, revision, origin } }) => {
      const by = actor
        ? `by ${actor.type} ${actor.name}`
        : scope === 'schema'
          ? 'by its schema'
          : 'by an unknown actor'
      const how = origin === 'live' ? '' : `, ${origin}`
      if (scope === 'schema' && changes.every(change => change.old === undefined)) {
        if (changes.length > 0)
          log.info(`${namespace}: ${changes.length} settings with their defaults, revision ${revision}${how}`)
        return
      }
      for (const change of changes) {
        const values = `${show(change.old)} -> ${show(change.new)}`
        log.info(`${namespace}${change.path}: ${values} ${by}, revision ${revision}${how}`)
      }
    })
  },
})

/**
 * A value as JSON, so that a string, a number and an exact integer look different.
 *
 * @param {import('kytos-settings').Json | undefined} value
 */
function show(value) {
  return value === undefined ? 'unset' : printJson(value)
}

export default createChangeLog
