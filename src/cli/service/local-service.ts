import { isSettingsError } from '../../../model/errors.ts'
import { printJson } from '../../../model/json.ts'
import type { Json, JsonObject } from '../../../model/value.ts'
import type { LocalService } from '../../tokens/local-door.ts'
import { askJson } from './request.ts'

/**
 * Asks the service of this host; undefined when there is none any more: killed, it could not take its file away. `path` is below `/api/kytos/settings/v1`.
 * @throws SettingsError what it refused the request with; SERVICE_ABSENT or OUTCOME_UNKNOWN when it does not answer.
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
