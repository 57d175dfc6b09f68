import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'
import { Transform } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'

/** A TCP proxy with a limited rate. */
export interface Throttle {
  readonly port: number
  /** The number of bytes forwarded so far in the limited direction, of all connections. */
  readonly passed: number
  close(): Promise<void>
}

/**
 * Starts a TCP proxy to `port` on loopback that limits the responses, or requests, of each connection to this
 * number of bytes per second.
 */
export async function startThrottle(
  port: number,
  rate: number,
  what: 'answers' | 'requests' = 'answers',
): Promise<Throttle> {
  const sockets = new Set<Socket>()
  let passed = 0
  const server = createServer(near => {
    const far = createConnection(port, '127.0.0.1')
    const ends = [near, far]
    const end = (): void => {
      for (const one of ends) one.destroy()
    }
    for (const one of ends) {
      sockets.add(one)
      // The end of one socket ends the other; 'close' follows every 'error'.
      one.on('error', () => undefined).on('close', end)
    }
    const [from, to] = what === 'answers' ? [far, near] : [near, far]
    to.pipe(from)
    const slow = slowed(rate)
    from.pipe(slow).pipe(to)
    slow.on('data', (chunk: Buffer) => {
      passed += chunk.length
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string')
    throw new Error('A TCP server has an address with a port.')
  return {
    port: address.port,
    get passed() {
      return passed
    },
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function slowed(rate: number): Transform {
  return new Transform({
    transform(chunk: Buffer, _, done) {
      sleep((1_000 * chunk.length) / rate).then(() => done(null, chunk), done)
    },
  })
}
