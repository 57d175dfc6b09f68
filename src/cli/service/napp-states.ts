import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { NAppStatus, Status } from '../../../events/nouns.ts'
import { SettingsError, toSettingsError } from '../../../model/errors.ts'
import type { Config } from '../../boot/config.ts'
import { SETTINGS_NAPP } from '../../client/manifest.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { askService } from './local-service.ts'

const POLL_MS = 200
const NOTICE_MS = 2_000
/** The time of the host for one NApp besides its limits: the pause between scans, and two shutdowns. */
const HOST_SECONDS = 25
const MAX_WAIT_SECONDS = 600

/**
 * The states of the NApps as the running service of this configuration reports them; undefined when no
 * service runs.
 * @throws SettingsError when the service or its address file cannot be read.
 */
export async function askNAppStates({ settings }: Config): Promise<readonly NAppStatus[] | undefined> {
  const asked = await askService(join(settings.state_dir, settings.controller), 'GET', '/status')
  // The service of this host answers according to the table of commands.
  return asked && (asked.answer as unknown as Status).napps
}

/** A change of NApps whose effect a command waits for: each id with the stamp that must be started. */
export interface NAppChange {
  readonly done: 'enabled' | 'disabled' | 'installed and enabled' | 'uninstalled' | 'reloaded'
  /** No stamp: the NApp must be stopped. */
  readonly stamps: ReadonlyMap<string, string | undefined>
}

/**
 * Waits until the running service has started or stopped the NApps of a change, and prints the result; returns
 * at once when no service runs. `kytos/settings` is omitted, because its changes take effect at the next start.
 * @throws SettingsError NAPP_INVALID for NApps that failed to start; TIMEOUT for those that the service
 * retries, or did not reach in time.
 */
export async function waitForNApps(config: Config, change: NAppChange, context: CliContext): Promise<void> {
  const stamps = new Map([...change.stamps].filter(([id]) => id !== SETTINGS_NAPP))
  if (stamps.size === 0) return
  const ids = [...stamps.keys()].join(', ')
  let states: readonly NAppStatus[] | undefined
  try {
    states = await waitUntilSettled(config, stamps, () =>
      context.stderr.write(`kytos-settings: Waiting for the service: ${ids}.\n`),
    )
  } catch (error) {
    const why = toSettingsError(error).message
    context.stderr.write(
      `kytos-settings: The service was not asked whether it applied the change of ${ids}: ${why}\n`,
    )
    return
  }
  if (states === undefined) return
  const found = new Map(states.map(state => [state.napp, state]))
  const problems: SettingsError[] = []
  for (const [id, stamp] of stamps) {
    const state = found.get(id)
    if (isSettled(state, stamp) && (stamp === undefined || (state?.state === 'running' && !state.reason)))
      context.stdout.write(`${id} ${stamp === undefined ? 'is stopped' : 'is running'}.\n`)
    else problems.push(explain(id, change.done, stamp, state))
  }
  const [first] = problems
  if (first)
    throw problems.length === 1
      ? first
      : new SettingsError(first.code, problems.map(({ message }) => message).join('\n'))
}

/** The states once all NApps are settled, or after the limit; undefined without a service. */
async function waitUntilSettled(
  config: Config,
  stamps: ReadonlyMap<string, string | undefined>,
  notice: () => void,
): Promise<readonly NAppStatus[] | undefined> {
  const begin = performance.now()
  const perNApp = 2 * config.settings.setup_timeout + HOST_SECONDS
  let noticed = false
  for (;;) {
    const states = await askNAppStates(config)
    if (states === undefined) return undefined
    const found = new Map(states.map(state => [state.napp, state]))
    if ([...stamps].every(([id, stamp]) => isSettled(found.get(id), stamp))) return states
    const waited = performance.now() - begin
    // The host starts one NApp after the other, so each may have to wait for all others.
    if (waited > 1_000 * Math.min(MAX_WAIT_SECONDS, perNApp * (stamps.size + states.length))) return states
    if (!noticed && waited > NOTICE_MS) {
      noticed = true
      notice()
    }
    await sleep(POLL_MS)
  }
}

/** True once the service has applied the change of this NApp, or reports why it does not. */
function isSettled(state: NAppStatus | undefined, stamp: string | undefined): boolean {
  if (stamp === undefined) return state === undefined
  return state?.stamp === stamp && (state.state !== 'starting' || state.reason !== null)
}

function explain(
  id: string,
  done: NAppChange['done'],
  stamp: string | undefined,
  state: NAppStatus | undefined,
): SettingsError {
  const see = '"kytos-settings napps list" shows its state.'
  if (!isSettled(state, stamp) || state === undefined) {
    const what = stamp === undefined ? 'stopped' : 'started'
    return new SettingsError('TIMEOUT', `${id} is ${done}, but the service has not ${what} it yet. ${see}`)
  }
  const reason = state.reason?.replace(/\.$/, '') ?? 'no reason given'
  const details = { napp: id, reason }
  if (state.state === 'starting')
    return new SettingsError(
      'TIMEOUT',
      `${id} is ${done}, but cannot start yet: ${reason}. The service retries every second. ${see}`,
      { details },
    )
  const what =
    state.state === 'running'
      ? `is ${done}, but the previous version still runs: ${reason}`
      : `is ${done}, but failed to start: ${reason}`
  return new SettingsError(
    'NAPP_INVALID',
    `${id} ${what}. Correct it, then install it again or save its napp.json.`,
    { details },
  )
}
