import { differences } from '../../../events/differences.ts'
import type { KytosEvent } from '../../../events/event.ts'
import type { Facts } from '../../../events/map.ts'
import { isSettingsError } from '../../../model/errors.ts'
import type { JsonObject } from '../../../model/value.ts'
import type { Service } from './service.ts'

/** The settings last known to a reader, so that a snapshot can be shown as differences. */
export interface WatchMemory {
  /**
   * The event to print; for a snapshot, one event per namespace with the differences to the known settings.
   */
  take(event: KytosEvent): readonly KytosEvent[]
}

/** Maximum number of concurrent requests. */
const CONCURRENCY = 8

/** Reads and remembers the current settings of these namespaces; of all namespaces if the list is empty. */
export async function createWatchMemory(service: Service, wanted: readonly string[]): Promise<WatchMemory> {
  const namespaces =
    wanted.length > 0
      ? [...wanted]
      : (await service.ask('kytos.settings.list', {})).map(({ namespace }) => namespace)
  const known = new Map<string, JsonObject>()
  const fetchNext = async (): Promise<void> => {
    for (let namespace = namespaces.pop(); namespace !== undefined; namespace = namespaces.pop()) {
      const settings = await service.ask('kytos.settings.retrieve', { namespace }).catch(error => {
        // The namespace may be created while it is watched.
        if (isSettingsError(error, 'NAMESPACE_NOT_FOUND')) return undefined
        throw error
      })
      known.set(settings?.namespace ?? namespace, settings?.data ?? {})
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, fetchNext))
  return {
    take(event) {
      if (event.name === 'settings.changed') {
        // The name determines the type of the content, here and below.
        const { namespace, data } = event.content as Facts['settings.changed']
        known.set(namespace, data)
      }
      if (event.name !== 'settings.snapshot') return [event]
      const { namespaces: now, ...at } = event.content as Facts['settings.snapshot']
      const gone = [...known.keys()].filter(namespace => !Object.hasOwn(now, namespace))
      const entries = [
        ...Object.entries(now).map(([namespace, { data }]) => ({ namespace, data })),
        ...gone.map(namespace => ({ namespace, data: {} })),
      ]
      return entries.flatMap(({ namespace, data }) => {
        const previous = known.get(namespace) ?? {}
        known.set(namespace, data)
        const changes = differences(previous, data)
        const content = {
          ...at,
          namespace,
          data,
          previous,
          changes,
          scope: '',
          kind: 'updated',
          version: 0,
          origin: 'resync',
          actor: null,
          comment: null,
        }
        return changes.length === 0 ? [] : [{ ...event, name: 'settings.changed', content }]
      })
    },
  }
}
