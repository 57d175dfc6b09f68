import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { FileState, Status } from '../../events/map.ts'
import { SettingsError, toSettingsError } from '../../model/errors.ts'
import { parseJson } from '../../model/json.ts'
import { isArray, isObject, type JsonObject } from '../../model/value.ts'
import type { Config } from '../boot/config.ts'
import { API } from '../http/openapi/paths.ts'
import { type LocalService, readLocalService } from '../tokens/local-auth.ts'
import { kytosSettings, word } from './commands.ts'
import { broken, type Examined, type Finding, hint, warning } from './finding.ts'

/** The service of this host, if it runs: where, and what it says of itself. */
export interface Running {
  readonly service: LocalService | undefined
  readonly health: JsonObject | undefined
}

const PATIENCE = 3_000

/** Looks whether a service with this configuration answers on this host, and how it is. */
export async function examineRunning(config: Config): Promise<Examined & { readonly running: Running }> {
  const part = 'the service of this host'
  const own = join(config.settings.state_dir, config.settings.controller)
  const nobody = { service: undefined, health: undefined }
  try {
    const service = await readLocalService(own)
    const start = kytosSettings(config, 'start')
    if (!service)
      return {
        part,
        running: nobody,
        findings: [hint('service.stopped', own, 'No service is running.', start)],
      }
    const health = await askHealth(service)
    const told = `${join(own, 'service.json')} names a service at ${service.url}`
    if (health === 'nobody') {
      return {
        part,
        running: nobody,
        findings: [
          warning('service.gone', service.url, `${told}, which does not run: it was killed.`, start),
        ],
      }
    }
    if (health === 'silence') {
      const what = `${told}, but the process at that address does not respond as one.`
      const repair = `ss -ltnp 'sport = :${portOf(service)}'   # shows that process: stop it, then ${start}`
      return { part, running: nobody, findings: [broken('service.silent', service.url, what, repair)] }
    }
    const { state, reason } = health
    const again = `${kytosSettings(config, 'doctor')}   # after the findings about the store below are repaired`
    const ill =
      state === 'READY'
        ? []
        : [broken('service.state', service.url, `It is ${state}: ${reason ?? 'no reason given'}`, again)]
    return { part, running: { service, health }, findings: ill }
  } catch (error) {
    const repair = `sudo -u "#$(stat -c %u ${word(own)})" ${kytosSettings(config, 'doctor')}   # as the user of the service`
    return {
      part,
      running: nobody,
      findings: [broken('service.unreadable', own, toSettingsError(error).message, repair)],
    }
  }
}

/**
 * The findings about a service whose store is sound for this command: nothing below them explains its state,
 * so their repair is not to look there.
 */
export function explainState(findings: readonly Finding[], config: Config): readonly Finding[] {
  return findings.map(finding => {
    if (finding.code !== 'service.state') return finding
    const what = `${finding.what} This command reaches the store with the current configuration.`
    const repair = `${kytosSettings(config, 'doctor')}   # in ten seconds; if the state is the same, restart the service: it reads ${word(config.file)} only when it starts`
    return { ...finding, what, repair }
  })
}

/** What a service says of itself; `silence` where something is there that does not say it. */
async function askHealth({ url }: LocalService): Promise<JsonObject | 'nobody' | 'silence'> {
  try {
    const answer = parseJson(await get(`${url}/healthz`))
    return isObject(answer) && typeof answer.state === 'string' ? answer : 'silence'
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED' ? 'nobody' : 'silence'
  }
}

/**
 * The readable files that do not show their documents, as a running service names them, and how many it does
 * not name.
 * @throws what keeps it from saying it.
 */
export async function askFiles({
  url,
  token,
}: LocalService): Promise<{ readonly files: readonly FileState[]; readonly more: number }> {
  const answer = parseJson(await get(`${url}${API}/status`, { authorization: `Bearer ${token}` }))
  if (!isObject(answer) || !isArray(answer.files)) {
    const why =
      isObject(answer) && typeof answer.detail === 'string'
        ? answer.detail
        : 'the service is of another release'
    throw new SettingsError('SERVICE_ABSENT', why)
  }
  // The service of this host answers as the table of commands has it.
  const { files, more_files: more = 0 } = answer as unknown as Status
  return { files, more }
}

function portOf({ url }: LocalService): string {
  const { port, protocol } = new URL(url)
  return port || (protocol === 'https:' ? '443' : '80')
}

function get(url: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const send = url.startsWith('https:') ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    // The line does not leave this host, and the certificate is for another name.
    const request = send(
      url,
      { headers, agent: false, timeout: PATIENCE, rejectUnauthorized: false },
      response => text(response).then(resolve, reject),
    )
    request.on('timeout', () => request.destroy(new Error('no response')))
    request.on('error', reject)
    request.end()
  })
}
