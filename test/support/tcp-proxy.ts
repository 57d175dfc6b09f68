import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'

/** A TCP line that a test can break in every way a network does. */
export interface TcpProxy {
  readonly port: number
  /** How many connections have been made through it. */
  readonly connections: number
  /** Resets every connection now. */
  cut(): void
  /** After this many more bytes of answers the connection that carries them is reset, in the middle of what it was carrying. */
  cutAfter(bytes: number): void
  /** Takes bytes of requests but gives no more answers: what is asked may well be done, but nobody hears of it. `resume` ends it. */
  swallowAnswers(): void
  /** A black hole: nothing passes in either direction and nothing is closed; new connections are accepted and hang. */
  stall(): void
  /** Refuses new connections (and resets the old ones). */
  refuse(): void
  /** Leads new connections to another port, and resets the old ones. */
  lead(to: number): void
  /** Everything passes again; connections that lost bytes are reset. */
  resume(): void
  close(): Promise<void>
}

type Mode = 'pass' | 'swallow' | 'stall' | 'refuse'

/** Listens on a free loopback port and passes everything on to `port` on loopback. */
export async function startTcpProxy(port: number): Promise<TcpProxy> {
  let target = port
  const pairs = new Set<{ near: Socket; far: Socket | undefined; lossy: boolean }>()
  let mode: Mode = 'pass'
  let budget = Number.POSITIVE_INFINITY
  let connections = 0

  const cut = (only: (pair: { lossy: boolean }) => boolean = () => true): void => {
    for (const pair of pairs) {
      if (!only(pair)) continue
      pair.near.resetAndDestroy()
      pair.far?.resetAndDestroy()
      pairs.delete(pair)
    }
  }

  const server = createServer(near => {
    connections++
    if (mode === 'refuse') return near.resetAndDestroy()
    const pair = { near, far: mode === 'stall' ? undefined : createConnection(target, '127.0.0.1'), lossy: mode === 'stall' }
    pairs.add(pair)
    const end = (): void => cut(other => other === pair)
    // A reset is what these lines are made for; 'close' follows every 'error'.
    near.on('error', () => undefined).on('close', end)
    near.on('data', chunk => {
      if (mode === 'stall') pair.lossy = true
      else pair.far?.write(chunk)
    })
    pair.far?.on('error', () => undefined).on('close', end)
    pair.far?.on('data', chunk => {
      if (mode !== 'pass') {
        pair.lossy = true
        return
      }
      budget -= chunk.length
      if (budget >= 0) return void near.write(chunk)
      budget = Number.POSITIVE_INFINITY
      end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('A TCP server has an address with a port.')

  return {
    port: address.port,
    get connections() {
      return connections
    },
    cut: () => cut(),
    cutAfter: bytes => {
      budget = bytes
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
      cut(pair => pair.lossy)
    },
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      cut()
      await closed
    },
  }
}
