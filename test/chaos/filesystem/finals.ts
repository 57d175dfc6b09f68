import { isSettingsError } from '../../../model/errors.ts'
import { parseKey, splitKey } from '../../../model/key.ts'
import { controllerScope, overridesKey, parseNamespace, parseScope } from '../../../model/namespace.ts'
import type { Json, JsonObject } from '../../../model/value.ts'
import type { Final, StoreLife } from '../history.ts'
import type { Player } from '../stage.ts'
import type { Status } from './messages.ts'

/**
 * What a controller answers from its cache, of every namespace it lists and every box that the store ever
 * had.
 */
export async function readFinal(player: Player, status: Status, { revisions }: StoreLife): Promise<Final> {
  const overrides: Record<string, JsonObject> = {}
  const data: Record<string, JsonObject> = {}
  for (const { namespace } of await player.ask('kytos.settings.list', {})) {
    data[namespace] = (await player.ask('kytos.settings.retrieve', { namespace })).data
    for (const scope of ['cluster', controllerScope(player.id)]) {
      const found = await overridesOf(player, namespace, scope)
      if (found) overrides[overridesKey(parseNamespace(namespace), parseScope(scope, player.id))] = found
    }
  }
  const everything = new Set(revisions.flatMap(({ changes }) => changes.map(({ key }) => key)))
  const boxes: Record<string, Json> = {}
  for (const key of everything) {
    const address = key.startsWith('boxes/') ? parseKey(key) : undefined
    const [namespace = '', box_id = ''] = address ? splitKey(address).segments : []
    const box = address && (await player.ask('kytos.storehouse.retrieve', { namespace, box_id }))
    if (box) boxes[key] = box.data
  }
  const { state, epoch, revision, repairs, reconciles } = status
  return { controller: player.id, state, epoch, revision, repairs, reconciles, overrides, data, boxes }
}

/** The overrides in a scope; undefined when there are none, which an empty document is not. */
async function overridesOf(
  player: Player,
  namespace: string,
  scope: string,
): Promise<JsonObject | undefined> {
  try {
    const { overrides, version } = await player.ask('kytos.settings.retrieve', { namespace, scope })
    if (version === 0) return undefined
    if (Object.keys(overrides).length > 0) return overrides
    const [record] = await player.ask('kytos.settings.history', { namespace, scope, version })
    return record?.kind === 'deleted' ? undefined : overrides
  } catch (error) {
    if (isSettingsError(error, 'NAMESPACE_NOT_FOUND')) return undefined
    throw error
  }
}
