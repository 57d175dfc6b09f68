import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { type Growth, measure } from '../gauge.ts'
import { closed, dial, EVENTS, get, openStreams, says, unfinished } from '../server.ts'

interface Size {
  readonly operations: number
  readonly rounds: number
}

/** How many lines are open at once. */
const CROWD = 40

/** Ways in which a reader comes and goes. */
const MANNERS: readonly ((port: number) => Promise<Socket>)[] = [
  // It reads, and goes as it should.
  async port => {
    const socket = dial(port, get(EVENTS))
    await says(socket, 'settings.state')
    return socket.end()
  },
  // It reads what it missed, and the line is reset.
  async port => {
    const socket = dial(port, get(`${EVENTS}?since=1.1.0&namespace=kytos/a`))
    await says(socket, 'change 2')
    return socket.resetAndDestroy()
  },
  // It is gone before it was answered.
  async port => {
    const socket = dial(port, get(EVENTS))
    await new Promise(resolve => socket.once('connect', resolve))
    return socket.resetAndDestroy()
  },
  // It asks again on the same line before the stream has ended, and is gone.
  async port => {
    const socket = dial(port, get(EVENTS) + get(EVENTS) + get('/healthz'))
    await says(socket, 'settings.state')
    return socket.resetAndDestroy()
  },
  // It announces a body and does not send it.
  async port => {
    const socket = dial(port, unfinished('/api/kytos/settings/v1/kytos/a'))
    await delay(5)
    return socket.resetAndDestroy()
  },
]

/** Readers of event streams and other clients come and go in every manner, while facts are said. */
export async function crowds({ operations, rounds }: Size): Promise<Growth> {
  const { http, change, say } = await openStreams()
  for (let n = 0; n < 3; n++) change(100)
  const growth = await measure(rounds, operations, async () => {
    for (let n = 0; n < operations; n += CROWD) {
      let gone = false
      const lines = Promise.all(
        Array.from({ length: CROWD }, (_, i) => MANNERS[i % MANNERS.length]?.(http.port)),
      )
      const all = lines.then(sockets => Promise.all(sockets.map(socket => socket && closed(socket.resume()))))
      const done = all.finally(() => {
        gone = true
      })
      while (!gone) {
        say()
        await delay(2)
      }
      await done
    }
  })
  await http.close()
  return growth
}
