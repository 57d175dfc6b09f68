import type { Etcd3, IEvent, IWatchResponse } from 'etcd3'
import type { Revision } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import { EVERYTHING } from '../../model/key.ts'
import type { Batch } from '../backend.ts'
import { historyLost } from '../history-lost.ts'
import { attemptMs, type EtcdOptions } from './connection/client.ts'
import type { EndpointPool } from './connection/endpoint-pool.ts'
import { readFailure } from './connection/errors.ts'
import { toBatches } from './events.ts'
import type { KeyMapper } from './key-mapper.ts'
import { WatchKeepalive } from './watch-keepalive.ts'
import { openWatchStream, type WatchStream } from './watch-stream.ts'

/** The properties of the watched store, shared and updated by the watches of a backend. */
export interface Identity {
  /** The cluster that answered last; a watch that finds another one ends, and the next watch accepts it. */
  cluster: string
  /** Progress responses of the server never run ahead of its events (from 3.4.25 and 3.5.8). */
  readonly inStep: boolean
  /** Responses are too large for one message and are requested in fragments. */
  fragment: boolean
  /** The factor for the wait of a watch that has not caught up; it grows until a response arrives. */
  slack: number
}

const MAX_SLACK = 32

/** The watch id of a response about the whole stream. */
const NO_WATCH = '-1'

/**
 * Watches once, on a stream of its own: from `since` until `signal` aborts, the connection fails or history
 * is lost.
 *
 * Invariants:
 *  1. It starts at `since + 1` and yields batches in rising revisions, each as a whole. Their revision is
 *     that of the events, never that of a header: a header has the revision of the *store*, and a watch that
 *     resumes from there loses events.
 *  2. Progress is never ahead of a later batch, as far as the server allows that to be known. Old servers
 *     answer a progress request before events that they have queued. So a response of theirs only confirms
 *     the revision of the response before it, if no event came in between: a margin of at least 250 ms. The
 *     caller resumes from batches alone, so even then nothing would be lost. Events come in order: an event
 *     as new as the watch itself proves that everything before it was yielded.
 *  3. It never continues with another store: another cluster id, or a store whose revision is below `since`,
 *     is HISTORY_LOST.
 *
 * @throws SettingsError HISTORY_LOST, with `reason` in the details: `compacted` (and `compact_revision`),
 * `rewound` or `other store`.
 * @throws SettingsError STORE_UNREACHABLE for every other error, also for a rejection: a permission or a
 * token may become valid again, so the caller retries.
 */
export async function* watchOnce(
  pool: EndpointPool,
  keys: KeyMapper,
  identity: Identity,
  options: EtcdOptions,
  since: Revision,
  signal: AbortSignal,
): AsyncGenerator<Batch, void, void> {
  if (signal.aborted) return
  const { client } = pool
  const stream = await openWatchStream(pool).catch(async error => {
    throw await leave(pool, client, error)
  })
  if (signal.aborted) return stream.cancel()
  const keepalive = new WatchKeepalive(stream, attemptMs(options), identity.inStep, identity.slack)
  const end = (): void => {
    // Here too, because a reader that never continues does not reach the `finally` below.
    keepalive.stop()
    stream.cancel()
  }
  signal.addEventListener('abort', end)
  try {
    stream.write({
      create_request: {
        ...keys.range(EVERYTHING),
        start_revision: (since + 1n).toString(),
        progress_notify: true,
        fragment: identity.fragment,
      },
    })
    for await (const batch of read(stream, keepalive, { pool, keys, identity, since })) {
      if (signal.aborted) return
      keepalive.busy = true
      yield batch
      keepalive.busy = false
      if (signal.aborted) return
    }
    if (signal.aborted) return
    if (/larger than max/.test(stream.failure?.message ?? '')) identity.fragment = true
    if (keepalive.late) identity.slack = Math.min(2 * identity.slack, MAX_SLACK)
    throw await leave(pool, client, stream.failure ?? new Error('the server ended the stream'))
  } finally {
    signal.removeEventListener('abort', end)
    keepalive.stop()
    stream.cancel()
  }
}

/** Everything that a watch works with. */
interface Watched {
  readonly pool: EndpointPool
  readonly keys: KeyMapper
  readonly identity: Identity
  readonly since: Revision
}

async function* read(
  stream: WatchStream,
  keepalive: WatchKeepalive,
  watched: Watched,
): AsyncGenerator<Batch, void, void> {
  const { keys, identity, since } = watched
  let last = since
  /** The last revision that was yielded, progress included. */
  let yielded = since - 1n
  /** The revision in the last response of the server, if no event has come since. */
  let reported: Revision | undefined
  /** The revision of the store when the watch was created. */
  let created: Revision = since
  let caughtUp = false
  const pieces: IEvent[] = []

  for await (const response of stream.responses) {
    keepalive.onResponse()
    const at = BigInt(response.header.revision)
    if (response.canceled) throw await refusal(response, watched)
    if (response.created) {
      await verify(response, watched)
      created = at
      reported = at
      if (identity.inStep) keepalive.requestProgress()
      if (at <= since) {
        yielded = since
        caughtUp = true
        yield { revision: yielded, changes: [] }
      }
    } else if (response.events.length > 0) {
      reported = undefined
      pieces.push(...response.events)
      if (response.fragment) continue
      for (const batch of toBatches(keys, pieces.splice(0), last)) {
        last = batch.revision
        if (last > yielded) yielded = last
        yield batch
      }
      if (!caughtUp && yielded >= created) {
        // In a store with constant events no progress response would be confirmed.
        caughtUp = true
        yield { revision: yielded, changes: [] }
      }
    } else {
      const confirmed = response.watch_id !== NO_WATCH || identity.inStep ? at : reported
      reported = at
      // Yielded also without a newer revision, because it shows that the connection works.
      if (confirmed !== undefined && (confirmed > yielded || confirmed >= created)) {
        if (confirmed > yielded) yielded = confirmed
        caughtUp ||= yielded >= created
        yield { revision: yielded, changes: [] }
      }
    }
    keepalive.eager = !caughtUp
    if (caughtUp) identity.slack = 1
  }
}

/** Rejects a store that cannot be the one that `since` belongs to. */
async function verify({ header }: IWatchResponse, { pool, keys, identity, since }: Watched): Promise<void> {
  if (header.cluster_id !== identity.cluster) {
    identity.cluster = header.cluster_id
    throw historyLost('the store was replaced by another one', { reason: 'other store' })
  }
  if (BigInt(header.revision) >= since) return
  // A member may lag behind the others; a linearizable read returns the revision of the store.
  const now = await pool
    .call((client, options) =>
      client.kv.range({ ...keys.range(EVERYTHING), limit: 1, keys_only: true }, options),
    )
    .catch(error => {
      throw interrupted(pool, error)
    })
  const revision = BigInt(now.value.header.revision)
  if (revision < since)
    throw historyLost(`the store is at revision ${revision}, below ${since}: it was restored or wiped`, {
      reason: 'rewound',
    })
}

/** The error to throw when the server rejects or ends the watch. */
async function refusal(response: IWatchResponse, { pool, keys, since }: Watched): Promise<SettingsError> {
  if (response.compact_revision !== '0') {
    const details = { reason: 'compacted', compact_revision: response.compact_revision }
    return historyLost(
      `the revisions after ${since} were compacted; the oldest kept is ${response.compact_revision}`,
      details,
    )
  }
  const reason = response.cancel_reason || 'no reason given'
  const { client } = pool
  try {
    // Any call renews an expired token; then the next watch is accepted.
    await pool.call((one, options) =>
      one.kv.range({ ...keys.range(EVERYTHING), limit: 1, keys_only: true }, options),
    )
  } catch (error) {
    return interrupted(pool, error)
  }
  pool.leave(client, true)
  return interrupted(pool, new Error(`etcd rejected the watch: ${reason}`))
}

/** Changes to the next endpoint after its watch failed; returns the error to throw. */
async function leave(pool: EndpointPool, client: Etcd3, error: unknown): Promise<SettingsError> {
  const failure = await pool.explain(client, error)
  pool.leave(client, failure.renew)
  return interrupted(pool, error, failure.reason)
}

function interrupted(pool: EndpointPool, error: unknown, reason = readFailure(error).reason): SettingsError {
  const message = `The watch of etcd (${pool.endpoints}) was interrupted: ${reason}.`
  return new SettingsError('STORE_UNREACHABLE', message, { cause: error })
}
