import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { toSettingsError } from '../../model/errors.ts'
import { parseJson } from '../../model/json.ts'
import { isObject, type JsonObject } from '../../model/value.ts'
import type { Config } from '../boot/config.ts'
import { type LocalService, readLocalService } from '../local-door.ts'
import { broken, type Examined, hint, warning } from './finding.ts'

/** The service of this host, if it runs: where, and what it says of itself. */
export interface Running {
  readonly service: LocalService | undefined
  readonly health: JsonObject | undefined
}

const PATIENCE = 5_000

/** Looks whether a service with this configuration answers on this host, and how it is. */
export async function examineRunning(config: Config): Promise<Examined & { readonly running: Running }> {
  const part = 'the service of this host'
  const own = join(config.settings.state_dir, config.settings.controller)
  const nobody = { service: undefined, health: undefined }
  try {
    const service = await readLocalService(own)
    if (!service) {
      return { part, running: nobody, findings: [hint('service.stopped', own, 'No service runs here.', `kytos-settings start -c ${config.file}`)] }
    }
    const health = await askHealth(service)
    if (!health) {
      const what = `${join(own, 'service.json')} says that a service answers at ${service.url}, and none does: it was killed.`
      return { part, running: nobody, findings: [warning('service.gone', service.url, what, `kytos-settings start -c ${config.file}`)] }
    }
    const { state, reason } = health
    const ill =
      state === 'READY'
        ? []
        : [broken('service.state', service.url, `It is ${state}: ${reason ?? 'it does not say why'}.`, 'Look at the store, below.')]
    return { part, running: { service, health }, findings: ill }
  } catch (error) {
    return {
      part,
      running: nobody,
      findings: [broken('service.unreadable', own, toSettingsError(error).message, 'Run this as the user of the service.')],
    }
  }
}

async function askHealth({ url }: LocalService): Promise<JsonObject | undefined> {
  try {
    const answer = parseJson(await get(`${url}/healthz`))
    return isObject(answer) ? answer : undefined
  } catch {
    return undefined // nobody, or somebody else
  }
}

function get(url: string): Promise<string> {
  const send = url.startsWith('https:') ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    // The line does not leave this host, and the certificate is for another name.
    const request = send(url, { agent: false, timeout: PATIENCE, rejectUnauthorized: false }, response => text(response).then(resolve, reject))
    request.on('timeout', () => request.destroy(new Error('no answer')))
    request.on('error', reject)
    request.end()
  })
}
