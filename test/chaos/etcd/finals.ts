import { printRevision } from '../../../model/document.ts'
import { isSettingsError } from '../../../model/errors.ts'
import { makeKey, parseKey, splitKey } from '../../../model/key.ts'
import { overridesKey, parseNamespace, parseScope } from '../../../model/namespace.ts'
import type { Json, JsonObject } from '../../../model/value.ts'
import type { Final, StoreLife } from '../history.ts'
import type { Seat } from './seat.ts'

/**
 * What a controller answers once all is calm; boxes are looked for in every namespace that the store ever had
 * some in.
 */
export async function readFinal(seat: Seat, lives: readonly StoreLife[]): Promise<Final> {
  const { health } = seat
  if (!health) throw new Error(`${seat.id} is not there to be asked.`)
  const { state, epoch, revision, repairs, reconciles } = health
  return {
    controller: seat.id,
    state,
    epoch,
    revision: printRevision(revision),
    repairs,
    reconciles,
    ...(await readSettings(seat)),
    boxes: await readBoxes(seat, lives),
  }
}

async function readSettings(seat: Seat): Promise<Pick<Final, 'overrides' | 'data'>> {
  const overrides: Record<string, JsonObject> = {}
  const data: Record<string, JsonObject> = {}
  for (const summary of await seat.ask('kytos.settings.list', {})) {
    // One with overrides for another controller only is listed, but there are no settings of it here.
    if (!summary.schema && !summary.overrides) continue
    const { namespace } = summary
    for (const scope of ['cluster', 'controller']) {
      try {
        const settings = await seat.ask('kytos.settings.retrieve', { namespace, scope })
        data[namespace] = settings.data
        if (await exists(seat, namespace, scope, settings.overrides)) {
          overrides[overridesKey(parseNamespace(namespace), parseScope(scope, seat.id))] = settings.overrides
        }
      } catch (error) {
        // A controller that finds out only now that its store has none is judged by what it answers.
        if (!isSettingsError(error, 'NAMESPACE_NOT_FOUND')) throw error
      }
    }
  }
  return { overrides, data }
}

/** An answer shows no difference between an empty document and none; its newest record does. */
async function exists(seat: Seat, namespace: string, scope: string, overrides: JsonObject): Promise<boolean> {
  if (Object.keys(overrides).length > 0) return true
  const [newest] = await seat.ask('kytos.settings.history', { namespace, scope, limit: 1 })
  return newest !== undefined && newest.kind !== 'deleted'
}

async function readBoxes(seat: Seat, lives: readonly StoreLife[]): Promise<Record<string, Json>> {
  const boxes: Record<string, Json> = {}
  for (const namespace of boxNamespaces(lives)) {
    for (const box_id of await seat.ask('kytos.storehouse.list', { namespace })) {
      const box = await seat.ask('kytos.storehouse.retrieve', { namespace, box_id })
      if (box) boxes[makeKey('boxes', namespace, box_id)] = box.data
    }
  }
  return boxes
}

function boxNamespaces(lives: readonly StoreLife[]): Set<string> {
  const namespaces = new Set<string>()
  for (const { revisions } of lives) {
    for (const { changes } of revisions) {
      for (const { key } of changes) {
        const parsed = key.startsWith('boxes/') ? parseKey(key) : undefined
        if (parsed) namespaces.add(splitKey(parsed).segments[0] ?? '')
      }
    }
  }
  return namespaces
}
