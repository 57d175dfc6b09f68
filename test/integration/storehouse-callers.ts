import type { KytosEvent } from '../../events/event.ts'
import type { Json } from '../../model/value.ts'
import { openHttp } from '../../src/http/server.ts'
import { openBusSocket } from '../support/bus-socket.ts'
import type { Home } from './storehouse-home.ts'

export type Verb = 'create' | 'retrieve' | 'update' | 'delete' | 'list'

/** What the callback of a NApp receives. */
export interface Called {
  readonly data: unknown
  readonly error: unknown
}

export type Call = (verb: Verb, content: object) => Promise<Called>

export interface UsersBox {
  readonly box_id: string
  readonly data: Record<string, Json>
}

/** The clients of a NApp: in the process of the service, and over the WebSocket of another process. */
export const PLACES: Readonly<Record<string, (home: Home) => Promise<Call>>> = {
  'in this process':
    async ({ controller }) =>
    (verb, content) =>
      new Promise(resolve => {
        const callback = (_event: KytosEvent, data: unknown, error: unknown): void => resolve({ data, error })
        // As text, because the contents have members that the types do not allow.
        controller.bus.emit(`kytos.storehouse.${verb}` as string, { ...content, callback })
      }),
  'on the bus': async ({ controller }) => {
    const { root: bus, log, service } = controller
    const { feed, health } = service
    const http = await openHttp({ bus, feed, health, log, listen: '127.0.0.1', port: 0 })
    const socket = await openBusSocket(http.port)
    void socket.closed.then(() => http.close())
    return async (verb, content) => {
      const { data, error } = await socket.ask(`kytos.storehouse.${verb}`, content)
      return { data, error: error ?? null }
    }
  },
}

interface RestContent {
  readonly namespace: string
  readonly box_id?: string
  readonly data?: Json
  readonly method?: string
}

/** The same calls as requests of REST; a PATCH is the default of an update, as in the event. */
export function overRest({ rest }: Home): Call {
  return async (verb, content) => {
    const { namespace, box_id, data, method = 'PATCH' } = content as RestContent
    const at = box_id === undefined ? namespace : `${namespace}/${box_id}`
    const [http, path] = {
      create: ['POST', `v2/${at}`],
      retrieve: ['GET', `v1/${at}`],
      update: [method, `v1/${at}`],
      delete: ['DELETE', `v1/${at}`],
      list: ['GET', `v1/${namespace}`],
    }[verb] as [string, string]
    const { status, json } = await rest(http, path, verb === 'create' || verb === 'update' ? data : undefined)
    if (status >= 400) return { data: undefined, error: json }
    if (verb === 'list') return { data: json, error: null }
    if (verb === 'delete') return { data: true, error: null }
    if (verb === 'create') return { data: { box_id: json.id, data }, error: null }
    return { data: { box_id, data: json }, error: null }
  }
}
