import type { Etcd3, IEvent, IWatchResponse } from 'etcd3'
import type { Revision } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import { EVERYTHING } from '../../model/key.ts'
import type { Batch } from '../backend.ts'
import { historyLost } from '../history-lost.ts'
import { attemptMs, type EtcdOptions } from './client.ts'
import type { EndpointPool } from './endpoint-pool.ts'
import { readFailure } from './errors.ts'
import { toBatches } from './events.ts'
import type { KeyMapper } from './key-mapper.ts'
import { WatchKeepalive } from './watch-keepalive.ts'
import { openWatchStream, type WatchStream } from './watch-stream.ts'

/** What is known of the store being watched; shared by the watches of a backend, which update it. */
export interface Identity {
  /** The cluster that answered last; a watch that meets another one ends, and the next one accepts it. */
  cluster: string
  /** The server's answers to a progress request never run ahead of its events (from 3.4.25 and 3.5.8). */
  readonly inStep: boolean
  /** Responses have become too large to come in one piece. */
  fragment: boolean
  /**
   * How many times the usual a watch that has yet to catch up waits for a response: more and more, until one
   * comes.
   */
  slack: number
}

const MOST_SLACK = 32

/** The watch id of a response that is about the whole stream. */
const NO_WATCH = '-1'

/**
 * One life of a watch, on a stream of its own: from `since` until `signal` aborts, the line fails or history
 * is lost.
 *
 * Invariants:
 *  1. It starts at `since + 1` and gives batches in rising revisions, each whole. What decides is the
 *     revision of the events, never that of a header: the header tells where the *store* is, and resuming
 *     from there is how events get lost.
 *  2. Progress is never ahead of a batch still to come, as far as the server lets one know. Old servers
 *     answer a progress request before events they have queued already, so there an answer only confirms what
 *     the answer before it said, if no event came in between; that is as good as 250 ms of patience. The
 *     caller resumes from batches alone, so even then nothing would be lost. Events come in order, so one
 *     that is as new as the watch itself says for sure that everything before it has been given.
 *  3. It never claims continuity with another store: another cluster id, or a store whose revision is below
 *     `since`, is HISTORY_LOST.
 *
 * @throws SettingsError HISTORY_LOST, with `reason` in the details: `compacted` (and `compact_revision`),
 * `rewound` or `other store`.
 * @throws SettingsError STORE_UNREACHABLE for everything else, a refusal included: a permission or a token
 * may come back, the caller tries again.
 */
export async function* watchOnce(
  link: EndpointPool,
  space: KeyMapper,
  identity: Identity,
  options: EtcdOptions,
  since: Revision,
  signal: AbortSignal,
): AsyncGenerator<Batch, void, void> {
  if (signal.aborted) return
  const { client } = link
  const stream = await openWatchStream(link).catch(async error => {
    throw await leave(link, client, error)
  })
  if (signal.aborted) return stream.cancel()
  const pulse = new WatchKeepalive(stream, attemptMs(options), identity.inStep, identity.slack)
  const end = (): void => {
    // A reader that waits elsewhere may never come back to the `finally` below.
    pulse.stop()
    stream.cancel()
  }
  signal.addEventListener('abort', end)
  try {
    stream.write({
      create_request: {
        ...space.range(EVERYTHING),
        start_revision: (since + 1n).toString(),
        progress_notify: true,
        fragment: identity.fragment,
      },
    })
    for await (const batch of read(stream, pulse, { link, space, identity, since })) {
      if (signal.aborted) return
      pulse.busy = true
      yield batch
      pulse.busy = false
      if (signal.aborted) return
    }
    if (signal.aborted) return
    if (/larger than max/.test(stream.failure?.message ?? '')) identity.fragment = true
    if (pulse.late) identity.slack = Math.min(2 * identity.slack, MOST_SLACK)
    throw await leave(link, client, stream.failure ?? new Error('the server ended the stream'))
  } finally {
    signal.removeEventListener('abort', end)
    pulse.stop()
    stream.cancel()
  }
}

interface Watched {
  readonly link: EndpointPool
  readonly space: KeyMapper
  readonly identity: Identity
  readonly since: Revision
}

async function* read(
  stream: WatchStream,
  pulse: WatchKeepalive,
  watched: Watched,
): AsyncGenerator<Batch, void, void> {
  const { space, identity, since } = watched
  let last = since
  /** Of everything given, progress included. */
  let told = since - 1n
  /** Where the server said that it was, if no event has come since. */
  let said: Revision | undefined
  let made: Revision = since
  let caughtUp = false
  const pieces: IEvent[] = []

  for await (const response of stream.responses) {
    pulse.heard()
    const at = BigInt(response.header.revision)
    if (response.canceled) throw await refusal(response, watched)
    if (response.created) {
      await verify(response, watched)
      made = at
      said = at
      if (identity.inStep) pulse.ask()
      if (at <= since) {
        told = since
        caughtUp = true
        yield { revision: told, changes: [] }
      }
    } else if (response.events.length > 0) {
      said = undefined
      pieces.push(...response.events)
      if (response.fragment) continue
      for (const batch of toBatches(space, pieces.splice(0), last)) {
        last = batch.revision
        if (last > told) told = last
        yield batch
      }
      if (!caughtUp && told >= made) {
        // In a store that is never quiet no answer would be sure.
        caughtUp = true
        yield { revision: told, changes: [] }
      }
    } else {
      const sure = response.watch_id !== NO_WATCH || identity.inStep ? at : said
      said = at
      // Also when it says nothing new: that the line is alive is news.
      if (sure !== undefined && (sure > told || sure >= made)) {
        if (sure > told) told = sure
        caughtUp ||= told >= made
        yield { revision: told, changes: [] }
      }
    }
    pulse.eager = !caughtUp
    if (caughtUp) identity.slack = 1
  }
}

/** Refuses a store that cannot be the one `since` is from. */
async function verify({ header }: IWatchResponse, { link, space, identity, since }: Watched): Promise<void> {
  if (header.cluster_id !== identity.cluster) {
    identity.cluster = header.cluster_id
    throw historyLost('the store was replaced by another one', { reason: 'other store' })
  }
  if (BigInt(header.revision) >= since) return
  // A member may lag behind the others; a linearizable read tells where the store is.
  const now = await link
    .call((client, options) =>
      client.kv.range({ ...space.range(EVERYTHING), limit: 1, keys_only: true }, options),
    )
    .catch(error => {
      throw cut(link, error)
    })
  const revision = BigInt(now.value.header.revision)
  if (revision < since)
    throw historyLost(`the store is at revision ${revision}, below ${since}: it was restored or wiped`, {
      reason: 'rewound',
    })
}

/** Why the server refuses or ends the watch, as the error to throw. */
async function refusal(response: IWatchResponse, { link, space, since }: Watched): Promise<SettingsError> {
  if (response.compact_revision !== '0') {
    const details = { reason: 'compacted', compact_revision: response.compact_revision }
    return historyLost(
      `the revisions after ${since} were compacted; the oldest kept is ${response.compact_revision}`,
      details,
    )
  }
  const reason = response.cancel_reason || 'no reason given'
  const { client } = link
  try {
    // A token that ran out is renewed by any call; then the next watch is accepted.
    await link.call((one, options) =>
      one.kv.range({ ...space.range(EVERYTHING), limit: 1, keys_only: true }, options),
    )
  } catch (error) {
    return cut(link, error)
  }
  link.leave(client, true)
  return cut(link, new Error(`etcd rejected the watch: ${reason}`))
}

/** Turns from the endpoint whose watch failed so; returns the error to throw. */
async function leave(link: EndpointPool, client: Etcd3, error: unknown): Promise<SettingsError> {
  const failure = await link.explain(client, error)
  link.leave(client, failure.renew)
  return cut(link, error, failure.reason)
}

function cut(link: EndpointPool, error: unknown, reason = readFailure(error).reason): SettingsError {
  const message = `The watch of etcd (${link.endpoints}) was interrupted: ${reason}.`
  return new SettingsError('STORE_UNREACHABLE', message, { cause: error })
}
