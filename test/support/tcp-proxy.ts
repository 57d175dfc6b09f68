import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'
import { DelayLane } from './delay-lane.ts'

/** A TCP line that a test can break in every way a network does. */
export interface TcpProxy {
  readonly port: number
  /** How many connections have been made through it. */
  readonly connections: number
  /** Resets every connection now. */
  cut(): void
  /**
   * After this many more bytes of answers the connection that carries them is reset, in the middle of what it
   * was carrying.
   */
  cutAfter(bytes: number): void
  /**
   * Each new connection is reset after so many bytes of answers, such as right after a watch was created.
   * `resume` ends it.
   */
  cutEachAfter(bytes: number): void
  /**
   * Every chunk, either way, arrives so many milliseconds late, in order. `resume` ends it for what comes
   * then.
   */
  delay(latency: () => number): void
  /**
   * Nothing passes in either direction, as when packets are dropped for a while; nothing is lost, and
   * `resume` lets it through.
   */
  freeze(): void
  /**
   * Takes bytes of requests but gives no more answers: what is asked may well be done, but nobody hears of
   * it. `resume` ends it.
   */
  swallowAnswers(): void
  /**
   * A black hole: nothing passes in either direction and nothing is closed; new connections are accepted and
   * hang.
   */
  stall(): void
  /** Refuses new connections (and resets the old ones). */
  refuse(): void
  /** Leads new connections to another port, and resets the old ones. */
  lead(to: number): void
  /** Everything passes again; connections that lost bytes are reset. */
  resume(): void
  close(): Promise<void>
}

type Mode = 'pass' | 'swallow' | 'stall' | 'freeze' | 'refuse'

/** One connection, from whoever asks (near) to who is asked (far). */
interface Pair {
  readonly near: Socket
  readonly far: Socket | undefined
  /** Bytes of it were lost, or never sent on. */
  lossy: boolean
  /** How many bytes of answers it may still carry. */
  budget: number
}

/** Listens on a free loopback port and passes everything on to `port` on loopback. */
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
    // A reset is what these lines are made for; 'close' follows every 'error'.
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

/** Reads nothing more of a connection, so that the network's own buffers hold what comes. */
function hold({ near, far }: Pair): void {
  near.pause()
  far?.pause()
}
