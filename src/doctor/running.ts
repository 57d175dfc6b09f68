import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Status, Summary } from '../../events/nouns.ts'
import { SettingsError, toSettingsError } from '../../model/errors.ts'
import { parseJson } from '../../model/json.ts'
import { shellWord } from '../../model/quote.ts'
import { isArray, isObject, type Json, type JsonObject } from '../../model/value.ts'
import type { Config } from '../boot/config.ts'
import { API } from '../http/openapi/paths.ts'
import { type LocalService, readLocalService } from '../tokens/local-auth.ts'
import { kytosSettings } from './commands.ts'
import { broken, type Examination, type Finding, hint, warning } from './finding.ts'

/** The running service of this host, if any, and its health. */
export interface RunningService {
  readonly service: LocalService | undefined
  readonly health: JsonObject | undefined
}

const REQUEST_TIMEOUT_MS = 3_000

/** Examines whether a service with this configuration responds on this host, and its state. */
export async function examineRunning(
  config: Config,
): Promise<Examination & { readonly running: RunningService }> {
  const part = 'the service of this host'
  const own = join(config.settings.state_dir, config.settings.controller)
  const none = { service: undefined, health: undefined }
  try {
    const service = await readLocalService(own)
    const start = kytosSettings(config, 'start')
    if (!service)
      return {
        part,
        running: none,
        findings: [hint('service.stopped', own, 'No service is running.', start)],
      }
    const health = await askHealth(service)
    const claim = `${join(own, 'service.json')} names a service at ${service.url}`
    if (health === 'unreachable') {
      return {
        part,
        running: none,
        findings: [
          warning('service.gone', service.url, `${claim}, which does not run: it was killed.`, start),
        ],
      }
    }
    if (health === 'unexpected') {
      const what = `${claim}, but the process at that address does not respond as one.`
      const repair = `ss -ltnp 'sport = :${portOf(service)}'   # shows that process: stop it, then ${start}`
      return { part, running: none, findings: [broken('service.silent', service.url, what, repair)] }
    }
    const { state, reason } = health
    const doctor = kytosSettings(config, 'doctor')
    const again = `${doctor}   # after the findings about the store below are repaired`
    const problems =
      state === 'READY'
        ? []
        : [broken('service.state', service.url, `It is ${state}: ${reason ?? 'no reason given'}`, again)]
    const findings = [...problems, ...(await examineConnections(service))]
    return { part, running: { service, health }, findings }
  } catch (error) {
    const user = `"#$(sudo stat -c %u ${shellWord(own)})"`
    const repair = `sudo -u ${user} ${kytosSettings(config, 'doctor')}   # as the user of the service`
    return {
      part,
      running: none,
      findings: [broken('service.unreadable', own, toSettingsError(error).message, repair)],
    }
  }
}

/** The share of its connections above which a service is reported. */
const CONNECTIONS_IN_USE = 0.8

/** Reports a service that rejects connections, or soon will. */
async function examineConnections({ url, token }: LocalService): Promise<readonly Finding[]> {
  const text = await get(`${url}/metrics`, { authorization: `Bearer ${token}` }).catch(() => '')
  const metric = (name: string): number =>
    Number(new RegExp(`^kytos_settings_${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0)
  const [open, limit] = [metric('connections'), metric('connections_limit')]
  const rejected = metric('connections_rejected_total')
  if (rejected === 0 && open <= limit * CONNECTIONS_IN_USE) return []
  const what = `${open} of at most ${limit} connections are open; ${rejected} were rejected since the start.`
  const repair = `ss -tn 'sport = :${portOf({ url, token })}'   # shows the clients; a higher "ulimit -n" raises the limit`
  return [warning('service.connections', url, what, repair)]
}

/**
 * The findings about a service whose store is sound for this command: nothing below them explains its state,
 * so their repair is not to look there.
 */
export function explainState(findings: readonly Finding[], config: Config): readonly Finding[] {
  return findings.map(finding => {
    if (finding.code !== 'service.state') return finding
    const what = `${finding.what} This command reaches the store with the current configuration.`
    const repair = `${kytosSettings(config, 'doctor')}   # in ten seconds; if the state is the same, restart the service: it reads ${shellWord(config.file)} only when it starts`
    return { ...finding, what, repair }
  })
}

/** The health of a service; `unreachable`, or `unexpected` for a process that responds differently. */
async function askHealth({ url }: LocalService): Promise<JsonObject | 'unreachable' | 'unexpected'> {
  try {
    const answer = parseJson(await get(`${url}/healthz`))
    return isObject(answer) && typeof answer.state === 'string' ? answer : 'unexpected'
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED'
      ? 'unreachable'
      : 'unexpected'
  }
}

/**
 * The status of the running service: its NApps, and the readable files that differ from their documents.
 * @throws the error of the request.
 */
export async function askStatus(service: LocalService): Promise<Status> {
  const answer = await askService(service, '/status')
  if (!isObject(answer) || !isArray(answer.files) || !isArray(answer.napps)) throw unexpected(answer)
  // The service of this host answers according to the table of commands.
  return answer as unknown as Status
}

/** The namespaces of the running service. @throws the error of the request. */
export async function askList(service: LocalService): Promise<readonly Summary[]> {
  const answer = await askService(service, '')
  if (!isArray(answer)) throw unexpected(answer)
  // As above.
  return answer as unknown as readonly Summary[]
}

async function askService({ url, token }: LocalService, path: string): Promise<Json> {
  return parseJson(await get(`${url}${API}${path}`, { authorization: `Bearer ${token}` }))
}

function unexpected(answer: Json): SettingsError {
  const why =
    isObject(answer) && typeof answer.detail === 'string'
      ? answer.detail
      : 'the service is of another release'
  return new SettingsError('SERVICE_ABSENT', why)
}

function portOf({ url }: LocalService): string {
  const { port, protocol } = new URL(url)
  return port || (protocol === 'https:' ? '443' : '80')
}

function get(url: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const send = url.startsWith('https:') ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    // The certificate is not checked, because it is for another name and the connection stays on this host.
    const request = send(
      url,
      { headers, agent: false, timeout: REQUEST_TIMEOUT_MS, rejectUnauthorized: false },
      response => text(response).then(resolve, reject),
    )
    request.on('timeout', () => request.destroy(new Error('no response')))
    request.on('error', reject)
    request.end()
  })
}
