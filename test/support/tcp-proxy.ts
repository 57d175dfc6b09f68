import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'
import { DelayLane } from './delay-lane.ts'

/** A TCP proxy whose connections a test can break in every way of a network. */
export interface TcpProxy {
  readonly port: number
  /** The number of connections that were made through it. */
  readonly connections: number
  /** Resets all connections. */
  cut(): void
  /**
   * Resets a connection in the middle of its data, once it carries the last of this number of further
   * response bytes.
   */
  cutAfter(bytes: number): void
  /**
   * Resets each new connection after this number of response bytes, such as right after a watch was created.
   * `resume` ends it.
   */
  cutEachAfter(bytes: number): void
  /**
   * Delays every chunk, in both directions, by this number of milliseconds, in order. `resume` ends it for
   * later chunks.
   */
  delay(latency: () => number): void
  /**
   * Holds all data in both directions, as when packets are dropped for a while; no data is lost, and `resume`
   * releases it.
   */
  freeze(): void
  /**
   * Forwards requests but drops all responses, so that a request may be applied without an answer. `resume`
   * ends it.
   */
  swallowAnswers(): void
  /**
   * Drops all data in both directions and closes no connection; new connections are accepted and hang.
   */
  stall(): void
  /** Rejects new connections, and resets the existing ones. */
  refuse(): void
  /** Connects new connections to another port, and resets the existing ones. */
  lead(to: number): void
  /** Forwards all data again; connections that lost bytes are reset. */
  resume(): void
  close(): Promise<void>
}

type Mode = 'pass' | 'swallow' | 'stall' | 'freeze' | 'refuse'

/** One connection from a client (near) to the server (far). */
interface Pair {
  readonly near: Socket
  readonly far: Socket | undefined
  /** True when some of its bytes were dropped. */
  lossy: boolean
  /** The number of response bytes that it may still carry. */
  budget: number
}

/** Listens on a free loopback port and forwards all data to `port` on loopback. */
export async function startTcpProxy(port: number): Promise<TcpProxy> {
  let target = port
  const pairs = new Set<Pair>()
  let mode: Mode = 'pass'
  let budget = Number.POSITIVE_INFINITY
  let newBudget = Number.POSITIVE_INFINITY
  let latency = (): number => 0
  let connections = 0

  const cut = (only: (pair: Pair) => boolean = () => true): void => {
    for (const pair of pairs) {
      if (!only(pair)) continue
      pair.near.resetAndDestroy()
      pair.far?.resetAndDestroy()
      pairs.delete(pair)
    }
  }

  const server = createServer({ noDelay: true }, near => {
    connections++
    if (mode === 'refuse') return near.resetAndDestroy()
    const far =
      mode === 'stall' ? undefined : createConnection({ port: target, host: '127.0.0.1', noDelay: true })
    const pair: Pair = { near, far, lossy: mode === 'stall', budget: newBudget }
    pairs.add(pair)
    const end = (): void => cut(other => other === pair)
    const asked = new DelayLane(
      chunk => far?.write(chunk),
      () => latency(),
    )
    const answered = new DelayLane(
      chunk => near.write(chunk),
      () => latency(),
    )
    // Resets are expected here; 'close' follows every 'error'.
    near.on('error', () => undefined).on('close', end)
    near.on('data', chunk => {
      if (mode === 'stall') pair.lossy = true
      else asked.push(chunk)
    })
    far?.on('error', () => undefined).on('close', end)
    far?.on('data', chunk => {
      if (mode === 'swallow' || mode === 'stall') {
        pair.lossy = true
        return
      }
      budget -= chunk.length
      pair.budget -= chunk.length
      if (budget >= 0 && pair.budget >= 0) return answered.push(chunk)
      if (budget < 0) budget = Number.POSITIVE_INFINITY
      end()
    })
    if (mode === 'freeze') hold(pair)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string')
    throw new Error('A TCP server has an address with a port.')

  return {
    port: address.port,
    get connections() {
      return connections
    },
    cut: () => cut(),
    cutAfter: bytes => {
      budget = bytes
    },
    cutEachAfter: bytes => {
      newBudget = bytes
    },
    delay: by => {
      latency = by
    },
    freeze: () => {
      mode = 'freeze'
      for (const pair of pairs) hold(pair)
    },
    swallowAnswers: () => {
      mode = 'swallow'
    },
    stall: () => {
      mode = 'stall'
    },
    refuse: () => {
      mode = 'refuse'
      cut()
    },
    lead: to => {
      target = to
      cut()
    },
    resume: () => {
      mode = 'pass'
      budget = Number.POSITIVE_INFINITY
      newBudget = Number.POSITIVE_INFINITY
      latency = () => 0
      cut(pair => pair.lossy)
      for (const pair of pairs) {
        pair.budget = Number.POSITIVE_INFINITY
        pair.near.resume()
        pair.far?.resume()
      }
    },
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      cut()
      await closed
    },
  }
}

/** Stops reading from a connection, so that the buffers of the network hold its data. */
function hold({ near, far }: Pair): void {
  near.pause()
  far?.pause()
}
