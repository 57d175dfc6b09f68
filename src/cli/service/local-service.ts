import { isSettingsError, SettingsError } from '../../../model/errors.ts'
import { printJson } from '../../../model/json.ts'
import type { Json, JsonObject } from '../../../model/value.ts'
import { readLocalService } from '../../tokens/local-auth.ts'
import { withAddress } from './address.ts'
import { askJson } from './request.ts'

/**
 * Calls the service that writes its address to `folder`; undefined when it does not run, because a killed
 * service leaves its file behind. `path` is below `/api/kytos/settings/v1`.
 * @throws SettingsError the error of the service; SERVICE_ABSENT or OUTCOME_UNKNOWN without an answer.
 */
export async function askService(
  folder: string,
  method: string,
  path: string,
  body?: JsonObject,
): Promise<{ readonly answer: Json } | undefined> {
  const sent = body && { body: printJson(body), headers: { 'content-type': 'application/json' } }
  const find = async () => {
    const service = await readLocalService(folder)
    if (service) return { address: { ...service, isOwn: true } }
    throw new SettingsError('SERVICE_ABSENT', 'No service is running here.', {
      details: { reason: NOT_RUNNING },
    })
  }
  try {
    return { answer: await withAddress(find, ({ address }) => askJson(address, { method, path, ...sent })) }
  } catch (error) {
    if (isSettingsError(error, 'SERVICE_ABSENT') && error.details.reason === NOT_RUNNING) return undefined
    throw error
  }
}

/** The reason of a service that does not run, as the system reports it. */
const NOT_RUNNING = 'ECONNREFUSED'
