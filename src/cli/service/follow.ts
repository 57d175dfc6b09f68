import type { IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KytosEvent } from '../../../events/event.ts'
import { isSettingsError, SettingsError, toSettingsError } from '../../../model/errors.ts'
import { parseJson } from '../../../model/json.ts'
import { isObject } from '../../../model/value.ts'
import { type Found, withAddress } from './address.ts'
import { createEventParser } from './event-lines.ts'
import { type Address, readAnswer, send } from './request.ts'

export interface FollowOptions {
  /**
   * Finds the service before each connection, because a restarted service may have another token for its
   * owner.
   */
  readonly find: () => Promise<Found>
  readonly namespaces: readonly string[]
  /** The cursor to resume after; now when undefined. */
  readonly since: string | undefined
  /** Aborts it. */
  readonly signal: AbortSignal
  readonly heard: (event: KytosEvent) => void
  /** Called for each established connection. */
  readonly opened: (address: Address) => void
  /** Called with the reason of a lost connection, before the next attempt. */
  readonly lost: (why: SettingsError) => void
}

/**
 * Milliseconds without data after which a connection counts as dead; the service sends a heartbeat every 15
 * s.
 */
const SILENCE_MS = 45_000
/** Milliseconds before the first retry, and the maximum before later ones. */
const FIRST_RETRY_MS = 100
const MAX_RETRY_MS = 5_000
/** Milliseconds in which a restarted service must have written the new token of its owner. */
const OWNER_TOKEN_WAIT_MS = 30_000

/**
 * Delivers every fact after `since` once, in order, across reconnects, until aborted; returns the last
 * cursor.
 * @throws SettingsError the error of the first connection; later only errors that a retry cannot fix.
 */
export async function follow(options: FollowOptions): Promise<string | undefined> {
  const { find, since, signal, heard, opened, lost } = options
  let cursor = since
  let everOpen = false
  let refusedSince: number | undefined
  /** True while a restarted service may still write the token of its owner, which is sent when none is given. */
  const isRestarting = async (why: SettingsError): Promise<boolean> => {
    if (!isSettingsError(why, 'TOKEN_INVALID') && !isSettingsError(why, 'TOKEN_REQUIRED')) return false
    if (!(await find()).isOwner) return false
    refusedSince ??= performance.now()
    return performance.now() - refusedSince < OWNER_TOKEN_WAIT_MS
  }
  for (let delay = FIRST_RETRY_MS; !signal.aborted; delay = Math.min(delay * 2, MAX_RETRY_MS)) {
    try {
      const { address, response } = await openStream(options, cursor)
      refusedSince = undefined
      everOpen = true
      delay = FIRST_RETRY_MS
      opened(address)
      response.setEncoding('utf8')
      const parse = createEventParser()
      for await (const piece of response) {
        for (const { id, data } of parse(String(piece))) {
          if (data !== undefined) heard(readEvent(data))
          cursor = id ?? cursor
        }
      }
      throw new SettingsError('SERVICE_ABSENT', 'The service ended the stream.')
    } catch (error) {
      if (signal.aborted) break
      const why =
        error instanceof Error && 'code' in error && error.code === 'ECONNRESET'
          ? cut(error)
          : toSettingsError(error)
      if (!everOpen) throw why
      if (!why.retryable && !(await isRestarting(why))) throw why
      lost(why)
    }
    await sleep(delay * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => {})
  }
  return cursor
}

async function openStream(
  { find, namespaces, signal }: FollowOptions,
  cursor: string | undefined,
): Promise<{ readonly address: Address; readonly response: IncomingMessage }> {
  const query = namespaces.length > 0 ? `?namespace=${namespaces.map(encodeURIComponent).join(',')}` : ''
  const headers = { accept: 'text/event-stream', ...(cursor !== undefined && { 'last-event-id': cursor }) }
  return withAddress(find, async ({ address }) => {
    const response = await send(address, {
      method: 'GET',
      path: `/events${query}`,
      headers,
      patience: SILENCE_MS,
      signal,
    })
    if (response.statusCode !== 200) await refuse(address, response)
    return { address, response }
  })
}

/** @throws SettingsError always. */
async function refuse(address: Address, response: Parameters<typeof readAnswer>[1]): Promise<never> {
  await readAnswer(address, response)
  throw new SettingsError(
    'SERVICE_ABSENT',
    `${address.url} does not serve the event stream of Kytos Settings: it returned ${response.statusCode}.`,
  )
}

function cut(cause: Error): SettingsError {
  return new SettingsError('SERVICE_ABSENT', `The connection to the service was lost: ${cause.message}.`, {
    cause,
  })
}

function readEvent(text: string): KytosEvent {
  const event = parseJson(text)
  // The service prints KytosEvents.
  if (isObject(event) && isObject(event.content)) return event as unknown as KytosEvent
  throw new SettingsError('INTERNAL_ERROR', 'The service sent data that is not an event.')
}
