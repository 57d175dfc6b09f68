import type { KytosEvent } from '../../../events/event.ts'
import type { Facts } from '../../../events/map.ts'
import { printJson } from '../../../model/json.ts'
import type { Json } from '../../../model/value.ts'

/** Prints an event once for consecutive readers: only the last text is cached. */
export function createPrinter<Printed>(
  print: (event: KytosEvent, cursor: string | undefined) => Printed,
): typeof print {
  let last: { readonly event: KytosEvent; readonly printed: Printed } | undefined
  return (event, cursor) => {
    // An event always has the same cursor.
    if (last?.event !== event) last = { event, printed: print(event, cursor) }
    return last.printed
  }
}

/** A fact as JSON. */
export function printFact(event: KytosEvent): string {
  // An event is plain JSON; only its content type, one of the facts, is wider.
  return printJson(event as unknown as Json)
}

/**
 * A fact filtered to these namespaces, with a snapshot reduced to them; undefined for other namespaces. An
 * empty set means all.
 */
export function filterFact(event: KytosEvent, namespaces: ReadonlySet<string>): KytosEvent | undefined {
  if (namespaces.size === 0 || event.name === 'settings.state') return event
  if (event.name === 'settings.snapshot') return filterSnapshot(event, namespaces)
  // Every other fact has a namespace, or null.
  const { namespace } = event.content as { readonly namespace?: string | null }
  return typeof namespace === 'string' && namespaces.has(namespace) ? event : undefined
}

function filterSnapshot(event: KytosEvent, wanted: ReadonlySet<string>): KytosEvent {
  const content = event.content as Facts['settings.snapshot']
  const namespaces = Object.fromEntries(
    Object.entries(content.namespaces).filter(([namespace]) => wanted.has(namespace)),
  )
  return { ...event, content: { ...content, namespaces } }
}
