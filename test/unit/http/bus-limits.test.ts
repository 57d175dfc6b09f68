import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import type { Facts } from '../../../events/map.ts'
import { MAX_PENDING_COMMANDS } from '../../../src/http/bus/pending-commands.ts'
import { type BusSocket, openBusSocket } from '../../support/bus-socket.ts'
import { type HeldBeats, holdBeats } from '../../support/held-beats.ts'
import { changedFact, settled } from '../events/facts.ts'
import { openBareRig } from './harness.ts'

type BareRig = Awaited<ReturnType<typeof openBareRig>>

const MiB = 1_048_576

/** Says a fact, and gives its cursor. */
function say({ bus, feed }: BareRig, content: Partial<Facts['settings.changed']> = {}): string {
  const event = bus.announce('settings.changed', changedFact(content))
  feed.add(event, 0)
  return event.content.cursor
}

/** A line that has stopped taking anything, as the kernel sees it. */
async function openStuckLine(rig: Pick<BareRig, 'http'>, frame?: object): Promise<BusSocket> {
  const line = await openBusSocket(rig.http.port)
  if (frame) {
    line.send(frame)
    await line.next()
  }
  line.socket.pause()
  return line
}

/** Beats until the server has stopped; gives the number of beats that it took, at most 10. */
async function beatUntilStopped({ beat }: HeldBeats, stopped: Promise<void>): Promise<number> {
  let done = false
  void stopped.finally(() => (done = true))
  for (let beats = 1; beats <= 10; beats++) {
    await beat()
    // The kernel may have taken a part of what waits since the beat before: then the peer has one more beat.
    await new Promise(resolve => setTimeout(resolve, 5))
    if (done) return beats
  }
  throw new Error('A peer that takes nothing holds up the stop after 10 beats.')
}

describe('commands under way', () => {
  it('are at most 64 on a connection; the next is refused, until one is answered', async () => {
    const { http, bus } = await openBareRig()
    const answers: (() => void)[] = []
    bus.serve('kytos.settings.list', () => new Promise(resolve => answers.push(() => resolve([]))))
    const [line, other] = [await openBusSocket(http.port), await openBusSocket(http.port)]
    const asked = Array.from({ length: MAX_PENDING_COMMANDS }, () => line.ask('kytos.settings.list'))
    expect(await line.ask('kytos.settings.list')).toMatchObject({
      error: { code: 'CONNECTION_BUSY', status: 503, details: { max: 64 } },
    })
    expect(answers).toHaveLength(MAX_PENDING_COMMANDS)
    expect(await other.ask('kytos.settings.describe', { namespace: 'kytos/a' })).toMatchObject({
      error: { code: 'SERVICE_ABSENT' },
    })
    answers.shift()?.()
    await Promise.race(asked)
    const next = line.ask('kytos.settings.list')
    await expect.poll(() => answers.length).toBe(MAX_PENDING_COMMANDS)
    for (const answer of answers) answer()
    expect(await next).toMatchObject({ data: [] })
    await Promise.all(asked)
  })

  it('have ids of their own: a second one with the same is refused without any', async () => {
    const { http, bus } = await openBareRig()
    let answer = (): void => {}
    bus.serve('kytos.settings.list', () => new Promise(resolve => (answer = () => resolve([]))))
    const line = await openBusSocket(http.port)
    line.send({ id: 'a', name: 'kytos.settings.list' })
    line.send({ id: 'a', name: 'kytos.settings.list' })
    expect(await line.next()).toMatchObject({
      reply_to: null,
      error: { code: 'CONTENT_MALFORMED', details: { id: 'a' } },
    })
    answer()
    expect(await line.next()).toEqual({ reply_to: 'a', data: [] })
    line.send({ id: 'a', name: 'kytos.settings.describe' })
    expect(await line.next()).toMatchObject({ reply_to: 'a' })
  })

  it('are finished when their connection is lost', async () => {
    const { http, bus } = await openBareRig()
    let done = 0
    bus.serve('kytos.settings.list', async () => {
      await settled()
      done++
      return []
    })
    const line = await openBusSocket(http.port)
    line.send({ id: 1, name: 'kytos.settings.list' })
    await settled()
    line.socket.terminate()
    await expect.poll(() => done).toBe(1)
  })
})

describe('a slow reader', () => {
  const big = 'x'.repeat(100_000)

  it('is cut off with code and reason while others hear everything, and resumes without a gap', async () => {
    const rig = await openBareRig()
    const subscribe = { subscribe: ['settings.changed'] }
    const slow = await openStuckLine(rig, subscribe)
    const quick = await openBusSocket(rig.http.port)
    quick.send(subscribe)
    await quick.next()
    const said: string[] = []
    const heardByQuick: unknown[] = []
    for (let i = 0; i < 300; i++) {
      said.push(say(rig, { data: { big } }))
      heardByQuick.push((await quick.next()).cursor)
    }
    expect(heardByQuick).toEqual(said)

    slow.socket.resume()
    const heard: unknown[] = []
    let line = slow
    let cuts = 0
    while (heard.length < said.length) {
      const frame = await line.next().catch(() => undefined)
      if (frame?.event) heard.push(frame.cursor)
      if (frame) continue
      expect(await line.closed).toEqual([1013, expect.stringMatching(/^READER_SLOW: .*last cursor$/)])
      cuts++
      line = await openBusSocket(rig.http.port)
      line.send({ ...subscribe, since: heard.at(-1) })
    }
    expect(heard).toEqual(said)
    expect(cuts).toBeGreaterThan(0)
  })

  it('of ordinary events is cut off, too', async () => {
    const rig = await openBareRig()
    const line = await openStuckLine(rig, { subscribe: ['kytos/a.b'] })
    for (let i = 0; i < 300; i++) {
      rig.bus.emit('kytos/a.b', { big })
      await settled()
    }
    expect(rig.bus.counts().listeners).toBe(0)
    line.socket.resume()
    expect((await line.closed)[0]).toBe(1013)
  })

  it('that takes nothing at all is dropped, and holds up no stop', async () => {
    const beats = holdBeats()
    const rig = await openBareRig({ grace: 600_000 })
    await openStuckLine(rig, { subscribe: ['settings.changed'] })
    // Far more than the kernel takes for both ends; the second finds it waiting.
    say(rig, { data: { huge: 'x'.repeat(30_000_000) } })
    say(rig)
    const stopped = rig.http.close()
    await beatUntilStopped(beats, stopped)
    await stopped
  })

  it('is not cut off for large answers of its own', async () => {
    const rig = await openBareRig()
    rig.bus.serve('kytos.storehouse.list', () => [big.repeat(20)])
    const line = await openBusSocket(rig.http.port)
    line.send({ subscribe: ['settings.changed'] })
    await line.next()
    const answers = Array.from({ length: 20 }, () => line.ask('kytos.storehouse.list', { namespace: 'net' }))
    for (let i = 0; i < 5; i++) {
      await Promise.race(answers)
      say(rig)
    }
    expect((await Promise.all(answers)).every(({ data }) => Array.isArray(data))).toBe(true)
    for (let i = 0; i < 5; i++) await line.nextEvent()
  })

  it('that only talks is not read any further, and dropped', async () => {
    const { http, bus } = await openBareRig({ heartbeat: 100 })
    const line = await openStuckLine({ http })
    let marks = 0
    bus.on('kytos/a.mark', () => void marks++)
    const refused = '{"publish":{"name":"settings.changed"}}'
    const refusal = 200
    const each = 20
    for (let i = 0; i < (40 * MiB) / refusal / each; i++) {
      for (let j = 0; j < each; j++) line.socket.send(refused)
      line.socket.send('{"publish":{"name":"kytos/a.mark"}}')
    }
    // The socket below: the line itself says nothing of its end as long as it is paused.
    await new Promise(resolve => Reflect.get(line.socket, '_socket').once('close', resolve))
    expect(marks).toBeGreaterThan(0)
    expect(marks * each * refusal).toBeLessThan(16 * MiB)
  })
})

describe('a peer that is gone', () => {
  it('is dropped when it has not answered from one beat to the next; one that answers is not', async () => {
    const { beat } = holdBeats()
    const { http } = await openBareRig()
    const [dead, alive, other] = [
      await openBusSocket(http.port),
      await openBusSocket(http.port),
      await openBusSocket(http.port),
    ]
    // Its kernel lives on and takes everything, but nobody is there.
    Reflect.set(dead.socket, '_autoPong', false)
    const pings = Promise.all([dead, alive].map(({ socket }) => once(socket, 'ping')))
    await beat()
    await pings
    // What another peer sent after the pong is answered, so the pong has been read: the only sign of life
    // there is.
    for (let times = 0; times < 2; times++) await other.ask('kytos.settings.list')
    await beat()
    expect(await dead.closed).toEqual([1006, ''])
    expect(await alive.ask('kytos.settings.list')).toMatchObject({ error: { code: 'SERVICE_ABSENT' } })
  })

  it('is not found by a pause of the service itself', async () => {
    const { http } = await openBareRig({ heartbeat: 300 })
    const line = await openBusSocket(http.port)
    await once(line.socket, 'ping')
    // Its answer has arrived but is not read before the next beat is due.
    await new Promise<void>(resolve =>
      setImmediate(() => {
        for (const until = performance.now() + 700; performance.now() < until; );
        resolve()
      }),
    )
    await once(line.socket, 'ping')
    expect(await line.ask('kytos.settings.list')).toMatchObject({ error: { code: 'SERVICE_ABSENT' } })
  })

  it('that sends pings without end is dropped', async () => {
    const rig = await openBareRig()
    const line = await openStuckLine(rig)
    const closed = once(line.socket, 'close')
    const data = Buffer.alloc(125)
    for (let i = 0; i < 200_000 && line.socket.readyState === line.socket.OPEN; i++) line.socket.ping(data)
    line.socket.resume()
    expect((await closed)[0]).toBe(1006)
  })
})

describe('when the service stops', () => {
  it('what was asked is answered, what comes then is refused, and the line is closed with 1001', async () => {
    const { http, bus } = await openBareRig()
    let answer = (): void => {}
    bus.serve('kytos.settings.list', () => new Promise(resolve => (answer = () => resolve([]))))
    const [line, idle] = [await openBusSocket(http.port), await openBusSocket(http.port)]
    const asked = line.ask('kytos.settings.list')
    await line.ask('kytos.none')
    const closed = http.close()
    expect(await idle.closed).toEqual([1001, 'SERVICE_STOPPING: the service is stopping'])
    expect(await line.ask('kytos.settings.list')).toMatchObject({
      error: { code: 'SERVICE_STOPPING', status: 503 },
    })
    answer()
    expect(await asked).toEqual({ reply_to: 'ask-1', data: [] })
    expect(await line.closed).toEqual([1001, 'SERVICE_STOPPING: the service is stopping'])
    await closed
  })

  it('a peer that does not close is dropped', async () => {
    const beats = holdBeats()
    const rig = await openBareRig({ grace: 600_000 })
    await openStuckLine(rig)
    const stopped = rig.http.close()
    expect(await beatUntilStopped(beats, stopped)).toBeLessThanOrEqual(2)
    await stopped
  })

  it('a command that is never answered is given up after the grace', async () => {
    const { http, bus } = await openBareRig({ grace: 50 })
    bus.serve('kytos.settings.list', () => new Promise(() => {}))
    const line = await openBusSocket(http.port)
    line.send({ id: 1, name: 'kytos.settings.list' })
    await line.ask('kytos.none')
    await http.close()
    expect((await line.closed)[0]).toBe(1006)
  })
})
