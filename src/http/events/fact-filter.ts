import type { KytosEvent } from '../../../events/event.ts'
import type { Facts } from '../../../events/map.ts'

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
