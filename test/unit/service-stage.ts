import type { Settings } from '../../events/nouns.ts'
import type { Player } from './watcher/ensemble.ts'

export const NS = 'kytos/of_lldp'
export const SCHEMA = {
  type: 'object',
  properties: { polling_time: { type: 'integer', default: 3, maximum: 9 } },
} as const

/** A controller that sets the polling time. */
export const setPolling =
  (polling_time: number) =>
  (player: Player): Promise<Settings> =>
    player.ask('kytos.settings.update', { namespace: NS, data: { polling_time } })
