import { printJson } from '../../../model/json.ts'
import type { Json } from '../../../model/value.ts'
import type { CreateNApp } from '../../../src/client/napp.ts'

/** Prints one line for every setting that changes, whosever it is. */
const createChangeLog: CreateNApp = ({ bus, log }) => ({
  setup() {
    bus.on('settings.changed', ({ content: { namespace, scope, changes, actor, revision, origin } }) => {
      const by = actor ? `by ${actor.type} ${actor.name}` : scope === 'schema' ? 'by its schema' : 'by an unknown hand'
      const how = origin === 'live' ? '' : `, ${origin}`
      for (const change of changes) {
        log.info(`${namespace}${change.path}: ${show(change.old)} -> ${show(change.new)} ${by}, revision ${revision}${how}`)
      }
    })
  },
})

/** A value as JSON, so that a text, a number and an exact integer look different. */
function show(value: Json | undefined): string {
  return value === undefined ? 'nothing' : printJson(value)
}

export default createChangeLog
