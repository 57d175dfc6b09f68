import type { Answered, KytosEvent } from '../../events/event.ts'
import type { Facts } from '../../events/map.ts'
import { findCommand } from '../../events/names.ts'
import { type Actor, showVerifiedBy } from '../../model/actor.ts'
import { quote } from '../../model/quote.ts'
import type { Log, LogFields } from './log.ts'

/*
 * The log of facts and commands for operators. Never a value, because settings and boxes may hold secrets.
 */

/** Maximum number of paths in a line. */
const MAX_PATHS = 5
/** Maximum length of an unchecked namespace in a line. */
const MAX_NAME_LENGTH = 200

/**
 * Logs an announced change of settings; other facts are logged at their source, and changes of boxes are too
 * frequent.
 */
export function logFact(log: Log, event: KytosEvent): void {
  if (event.name !== 'settings.changed') return
  const { namespace, scope, kind, changes, revision, version, cursor, origin, actor } =
    event.content as Facts['settings.changed'] // The type of this name.
  const where = scope === 'cluster' ? '' : scope === 'schema' ? ' (its schema)' : ` (${scope})`
  const shown = changes.slice(0, MAX_PATHS).map(({ path }) => path)
  const more = changes.length > MAX_PATHS ? ` and ${changes.length - MAX_PATHS} more` : ''
  const paths = shown.length === 0 ? '' : `: ${shown.join(', ')}${more}`
  const who = actor ? ` by ${print(actor)}` : ''
  const by = actor ? actorFields(actor) : {}
  log.info(`${namespace}${where} was ${kind}${who} at revision ${revision}${paths}`, {
    event: event.name,
    event_id: event.id,
    namespace,
    scope,
    revision,
    version,
    cursor,
    origin,
    ...by,
  })
}

/** Logs a rejected command other than a read; a successful one is logged as a fact. */
export function logAnswer(log: Log, { event, actor, error }: Answered): void {
  // An unexpected error was logged with its stack at its source.
  if (!error || error.code === 'INTERNAL_ERROR' || findCommand(event.name)?.effect === 'read') return
  const { namespace } = event.content as { readonly namespace?: unknown } // Whatever the sender put there.
  const of = typeof namespace === 'string' ? ` of ${quote(namespace)}` : ''
  const about = typeof namespace === 'string' ? { namespace: namespace.slice(0, MAX_NAME_LENGTH) } : {}
  const fields = { event: event.name, event_id: event.id, ...about, ...actorFields(actor), code: error.code }
  const message = `${event.name}${of} by ${print(actor)} was rejected: ${error.code}`
  if (error.status < 500) log.info(message, fields)
  else log.warn(message, fields)
}

/** The fields of an actor: `actor`, and `by`, which tells apart two callers of one name. */
function actorFields(actor: Actor): LogFields {
  const by = showVerifiedBy(actor)
  return { actor: print(actor), ...(by !== undefined && { by }) }
}

function print({ type, name }: Actor): string {
  return `${type} ${name}`
}
