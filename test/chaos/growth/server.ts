import { connect, type Socket } from 'node:net'
import { createFeed } from '../../../events/buffered-feed.ts'
import { type CountedBus, createBus } from '../../../events/bus.ts'
import type { WritableFeed } from '../../../events/feed.ts'
import { type Http, openHttp } from '../../../src/http/server.ts'
import { changedFact } from '../../unit/events/facts.ts'
import { createCountedLog } from './counted-log.ts'

export const EVENTS = '/api/kytos/settings/v1/events'
const BEAT = 100

/** A real server that streams a feed which the scene fills, at once and without a store behind it. */
export interface Streams {
  readonly bus: CountedBus
  readonly feed: WritableFeed
  readonly http: Http
  /** Says that settings of `kytos/a` changed, to a text of so many bytes. */
  change(bytes: number): void
  /** Says what the feed does not keep. */
  say(): void
}

export async function openStreams(): Promise<Streams> {
  const log = createCountedLog()
  const bus = createBus({ log })
  const feed = createFeed({ epoch: 1, revision: 0n, namespaces: () => ({}) })
  feed.begin()
  const since = new Date(0).toISOString()
  const health = () =>
    ({
      state: 'READY',
      revision: 0n,
      epoch: 1,
      since,
      reason: null,
      age: 0,
      resyncs: 0,
      repairs: 0,
      reconciles: 0,
    }) as const
  const http = await openHttp({ bus, feed, health, listen: '127.0.0.1', port: 0, log, heartbeat: BEAT })
  let changes = 0
  return {
    bus,
    feed,
    http,
    change: bytes => {
      const text = String(++changes).padStart(bytes, '.')
      feed.add(
        bus.announce(
          'settings.changed',
          changedFact({ namespace: 'kytos/a', data: { text }, comment: `change ${changes}` }),
        ),
        bytes,
      )
    },
    say: () =>
      feed.add(
        bus.announce('settings.state', {
          state: 'READY',
          revision: '0',
          epoch: 1,
          since,
          reason: null,
          age: 0,
        }),
        0,
      ),
  }
}

/** A GET as it goes over the line; more than one of them may be written at once. */
export function get(path: string): string {
  return `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`
}

/** A PATCH whose body is announced and never comes. */
export function unfinished(path: string): string {
  return `PATCH ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{`
}

/** A line to the server on which this text was written; resets are expected on it. */
export function dial(port: number, text: string): Socket {
  const socket = connect(port, '127.0.0.1', () => void socket.write(text))
  // A reset is one of the ways these lines end; 'close' follows every 'error'.
  return socket.on('error', () => undefined)
}

/** Resolves once the line has said this, or is closed. */
export function says(socket: Socket, text: string): Promise<void> {
  return new Promise(resolve => {
    let got = ''
    socket.setEncoding('utf8').on('data', chunk => {
      got = (got + chunk).slice(-4_096)
      if (got.includes(text)) resolve()
    })
    socket.once('close', () => resolve())
  })
}

/** Resolves once the line is closed. */
export function closed(socket: Socket): Promise<void> {
  return new Promise(resolve => {
    if (socket.closed) resolve()
    else socket.once('close', () => resolve())
  })
}
