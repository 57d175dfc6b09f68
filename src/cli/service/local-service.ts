import { isSettingsError } from '../../../model/errors.ts'
import { printJson } from '../../../model/json.ts'
import type { Json, JsonObject } from '../../../model/value.ts'
import type { LocalService } from '../../tokens/local-auth.ts'
import { askJson } from './request.ts'

/**
 * Calls the service of this host; undefined when it no longer runs, because a killed service leaves its file
 * behind. `path` is below `/api/kytos/settings/v1`.
 * @throws SettingsError the error of the service; SERVICE_ABSENT or OUTCOME_UNKNOWN without an answer.
 */
export async function askService(
  { url, token }: LocalService,
  method: string,
  path: string,
  body?: JsonObject,
): Promise<{ readonly answer: Json } | undefined> {
  const sent = body && { body: printJson(body), headers: { 'content-type': 'application/json' } }
  try {
    return { answer: await askJson({ url, token, isOwn: true }, { method, path, ...sent }) }
  } catch (error) {
    if (isSettingsError(error, 'SERVICE_ABSENT') && error.details.reason === 'ECONNREFUSED') return undefined
    throw error
  }
}
