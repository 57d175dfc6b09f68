import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'
import { Transform } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'

/** A TCP line that passes bytes on at a limited rate. */
export interface Throttle {
  readonly port: number
  /** Bytes that were passed on so far in the slowed direction, of all connections. */
  readonly passed: number
  close(): Promise<void>
}

/**
 * A TCP line to `port` on loopback on which answers, or requests, come at so many bytes a second on each
 * connection.
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
      // What ends one end ends the other; 'close' follows every 'error'.
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
