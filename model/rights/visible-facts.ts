import { unlimitedRequired } from './command-rules.ts'
import type { Visibility } from './visibility.ts'

/*
 * The facts that a limited caller receives. A fact without a rule is never sent to it, and neither is an event
 * of a NApp or of another process: the service does not know which namespaces such an event is about.
 */

/** What a fact is about: a namespace, a namespace of boxes, all namespaces at once, or the service. */
type FactRule = 'namespace' | 'boxes' | 'all' | 'service'

const RULES: Readonly<Record<string, FactRule>> = {
  'settings.changed': 'namespace',
  'settings.rejected': 'namespace',
  'settings.pending': 'namespace',
  'settings.snapshot': 'all',
  'settings.state': 'service',
  'kytos/settings.loaded': 'service',
  'box.changed': 'boxes',
}

/** The names of all facts that a limited caller may receive. */
export const LIMITED_FACTS: readonly string[] = Object.keys(RULES)

/** The members of an event that decide whether it is visible. */
interface AnyEvent {
  readonly name: string
  readonly content: unknown
}

interface FactContent {
  readonly namespace?: unknown
  readonly namespaces?: Readonly<Record<string, unknown>>
}

/** The visible part of an event; undefined for a hidden one. */
export function visiblePart<Event extends AnyEvent>(event: Event, visibility: Visibility): Event | undefined {
  if (!visibility.limits) return event
  const rule = Object.hasOwn(RULES, event.name) ? RULES[event.name] : undefined
  // The bus accepts only objects as content.
  const content = event.content as FactContent
  const { namespace } = content
  switch (rule) {
    case 'service':
      return event
    case 'namespace':
      return typeof namespace === 'string' && visibility.seesNamespace(namespace) ? event : undefined
    case 'boxes':
      return typeof namespace === 'string' && visibility.seesBoxes(namespace) ? event : undefined
    case 'all': {
      const visible = Object.entries(content.namespaces ?? {}).filter(([one]) =>
        visibility.seesNamespace(one),
      )
      return { ...event, content: { ...content, namespaces: Object.fromEntries(visible) } }
    }
    case undefined:
      return undefined
  }
}

/**
 * Rejects a subscription of a limited caller to events of NApps or other processes.
 * @throws SettingsError PERMISSION_DENIED.
 */
export function checkSubscription(names: readonly string[], caller: string, { limits }: Visibility): void {
  if (!limits) return
  const other = names.find(name => !isOfService(name))
  if (other === undefined) return
  throw unlimitedRequired(
    caller,
    `to subscribe to ${JSON.stringify(other.slice(0, 80))}; with this one, subscribe to settings.* or box.*`,
    limits,
  )
}

/** True for the name of a fact, or for `prefix.*` of facts only. */
function isOfService(name: string): boolean {
  if (!name.endsWith('.*')) return LIMITED_FACTS.includes(name)
  return ['settings.', 'box.', 'kytos/settings.'].some(prefix => name.startsWith(prefix))
}
