import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { createFeed } from '../../../events/buffered-feed.ts'
import type { Facts } from '../../../events/map.ts'
import { openBusSocket } from '../../support/bus-socket.ts'
import { holdBeats } from '../../support/held-beats.ts'
import { boxFact, changedFact } from '../events/facts.ts'
import { openBareRig, openRealRig } from './harness.ts'

const BIG = 18446744073709551615n

describe('a command over the bus', () => {
  it('is answered with its id, integers of any size exact, in the name of whoever sent it', async () => {
    const { http } = await openRealRig()
    const line = await openBusSocket(http.port)
    const forged = { type: 'system', name: 'kytos/settings' }
    line.send({
      id: 7,
      name: 'kytos.settings.update',
      content: { namespace: 'kytos/a', data: { dpid: BIG }, actor: forged, callback: 'x' },
    })
    expect(await line.next()).toEqual({
      reply_to: 7,
      data: expect.objectContaining({
        namespace: 'kytos/a',
        data: { dpid: BIG },
        updated_by: { type: 'user', name: '127.0.0.1' },
      }),
    })
    expect(await line.ask('kytos.settings.list')).toMatchObject({ data: [{ namespace: 'kytos/a' }] })
    expect(await line.ask('kytos.storehouse.retrieve', { namespace: 'net', box_id: '1' })).toMatchObject({
      data: false,
    })
  })

  it('that fails is answered with the code, status, message and details of its error', async () => {
    const { http } = await openRealRig()
    const line = await openBusSocket(http.port)
    await line.ask('kytos.settings.update', { namespace: 'kytos/of_lldp', data: {} })
    expect(await line.ask('kytos.settings.retrieve', { namespace: 'kytos/of_lldb' })).toMatchObject({
      error: {
        code: 'NAMESPACE_NOT_FOUND',
        status: 404,
        message: expect.stringContaining('kytos/of_lldp'),
        details: expect.any(Object),
      },
    })
    const schema = { type: 'object', properties: { n: { type: 'integer' } } }
    await line.ask('kytos.settings.register', { namespace: 'kytos/a', schema })
    expect(await line.ask('kytos.settings.update', { namespace: 'kytos/a', data: { n: 'x' } })).toMatchObject(
      {
        error: {
          code: 'SETTINGS_INVALID',
          status: 422,
          details: { errors: [{ pointer: '/n', rule: 'type', got: 'x' }] },
        },
      },
    )
  })

  it('that fails for a reason nobody expected names nothing of it', async () => {
    const { http, bus, log } = await openBareRig()
    bus.serve('kytos.settings.list', () => {
      throw new Error('secret path')
    })
    const { error } = await (await openBusSocket(http.port)).ask('kytos.settings.list')
    expect(error).toEqual({
      code: 'INTERNAL_ERROR',
      status: 500,
      message: expect.not.stringContaining('secret'),
      details: {},
    })
    expect(log.lines.join()).toContain('secret path')
  })

  it('waits for no other: a quick answer comes before a slow one', async () => {
    const { http, bus } = await openBareRig()
    let finish = (): void => {}
    bus.serve('kytos.settings.list', () => new Promise(resolve => (finish = () => resolve([]))))
    bus.serve('kytos.storehouse.list', () => ['1'])
    const line = await openBusSocket(http.port)
    const slow = line.ask('kytos.settings.list')
    expect(await line.ask('kytos.storehouse.list', { namespace: 'net' })).toEqual({
      reply_to: 'ask-2',
      data: ['1'],
    })
    finish()
    expect(await slow).toEqual({ reply_to: 'ask-1', data: [] })
  })
})

describe('a subscription', () => {
  const say = (rig: Awaited<ReturnType<typeof openBareRig>>, name: keyof Facts, content: object) =>
    rig.feed.add(rig.bus.announce(name, content as Facts[typeof name]), 0)

  it('is confirmed with the place it begins at, and hears each fact whole, with its cursor', async () => {
    const { http } = await openRealRig()
    const line = await openBusSocket(http.port)
    line.send({ subscribe: ['settings.changed'] })
    expect(await line.next()).toEqual({
      subscribed: ['settings.changed'],
      cursor: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    })
    await line.ask('kytos.settings.update', { namespace: 'kytos/a', data: { dpid: BIG }, comment: 'why' })
    const { event, cursor } = await line.nextEvent()
    expect(event).toMatchObject({
      id: expect.any(String),
      name: 'settings.changed',
      content: {
        namespace: 'kytos/a',
        kind: 'created',
        data: { dpid: BIG },
        origin: 'live',
        comment: 'why',
        cursor,
      },
      timestamp: expect.any(String),
      priority: 0,
      reinjections: 0,
    })
  })

  it('goes on after its cursor, in order, each fact once, and a cursor of before is answered by a snapshot', async () => {
    const { http } = await openRealRig()
    const line = await openBusSocket(http.port)
    line.send({ subscribe: ['settings.changed'] })
    for (const n of [1, 2, 3]) await line.ask('kytos.settings.update', { namespace: 'kytos/a', data: { n } })
    const cursors = [await line.nextEvent(), await line.nextEvent(), await line.nextEvent()].map(
      ({ cursor }) => cursor,
    )
    const resumed = await openBusSocket(http.port)
    resumed.send({ subscribe: ['settings.changed'], since: cursors[0] })
    expect(await resumed.next()).toEqual({ subscribed: ['settings.changed'], cursor: cursors[0] })
    expect(await resumed.next()).toMatchObject({
      cursor: cursors[1],
      event: { content: { origin: 'replay', data: { n: 2 } } },
    })
    expect(await resumed.next()).toMatchObject({ cursor: cursors[2], event: { content: { data: { n: 3 } } } })
    const lost = await openBusSocket(http.port)
    lost.send({ subscribe: ['settings.changed'], since: '0' })
    expect(await lost.next()).toEqual({ subscribed: ['settings.changed'], cursor: '0' })
    expect(await lost.next()).toMatchObject({
      cursor: cursors[2],
      event: { name: 'settings.snapshot', content: { namespaces: { 'kytos/a': { data: { n: 3 } } } } },
    })
  })

  it('begins with a snapshot when it was made before there was a state', async () => {
    const feed = createFeed({
      epoch: 4,
      revision: 2n,
      namespaces: () => ({ 'kytos/a': { data: {}, revision: '2' } }),
    })
    const { http } = await openBareRig({ feed })
    const line = await openBusSocket(http.port)
    line.send({ subscribe: ['settings.changed'] })
    expect(await line.next()).toEqual({ subscribed: ['settings.changed'], cursor: null })
    feed.begin()
    expect(await line.next()).toMatchObject({ cursor: feed.cursor, event: { name: 'settings.snapshot' } })
  })

  it('hears the names it asked for, exact or by prefix, of the namespaces it asked for', async () => {
    const rig = await openBareRig()
    const line = await openBusSocket(rig.http.port)
    line.send({
      subscribe: ['box.*', 'settings.changed', 'settings.state'],
      namespaces: ['kytos/b', 'net'],
      since: '0',
    })
    await line.next()
    expect(Object.keys(Object((await line.next()).event?.content.namespaces))).toEqual(['kytos/b'])
    for (const namespace of ['kytos/a', 'kytos/b']) say(rig, 'settings.changed', changedFact({ namespace }))
    for (const namespace of ['net', 'other']) say(rig, 'box.changed', boxFact({ namespace }))
    say(rig, 'settings.rejected', {
      namespace: 'kytos/b',
      source: 'a file',
      rejected: [],
      revision: '0',
      origin: 'live',
    })
    say(rig, 'settings.state', { state: 'STALE', revision: '1', epoch: 1, since: '', reason: null, age: 0 })
    const heard = [await line.next(), await line.next(), await line.next()]
    expect(heard.map(({ event }) => event?.content.namespace ?? event?.name)).toEqual([
      'kytos/b',
      'net',
      'settings.state',
    ])
    expect(heard.map(frame => 'cursor' in frame)).toEqual([true, true, false])
  })

  it('is replaced by the next one, without a gap, and ended by an empty one', async () => {
    const rig = await openBareRig()
    const line = await openBusSocket(rig.http.port)
    const ping = () => line.ask('kytos.none.such')
    line.send({ subscribe: ['settings.changed', 'kytos/a.b'] })
    line.send({ subscribe: ['box.changed', 'kytos/a.c'] })
    await ping()
    say(rig, 'settings.changed', changedFact())
    say(rig, 'box.changed', boxFact())
    rig.bus.emit('kytos/a.b')
    rig.bus.emit('kytos/a.c')
    expect([await line.nextEvent(), await line.nextEvent()].map(({ event }) => event?.name)).toEqual([
      'box.changed',
      'kytos/a.c',
    ])
    line.send({ subscribe: [] })
    await ping()
    say(rig, 'box.changed', boxFact())
    rig.bus.emit('kytos/a.c')
    await ping()
    expect(
      [await line.next(), await line.next(), await line.next()].map(({ subscribed }) => subscribed?.length),
    ).toEqual([2, 2, 0])
    await expect(Promise.race([line.next(), ping()])).resolves.toMatchObject({ reply_to: expect.any(String) })
    expect(rig.bus.counts().listeners).toBe(0)
  })

  it('that could not be made leaves the one before as it was', async () => {
    const rig = await openBareRig()
    const line = await openBusSocket(rig.http.port)
    line.send({ subscribe: ['box.changed'] })
    line.send({ subscribe: ['settings.changed'], since: 'yesterday' })
    await line.next()
    expect(await line.next()).toMatchObject({
      reply_to: null,
      error: { code: 'CURSOR_MALFORMED', details: { frame: 'subscribe' } },
    })
    say(rig, 'settings.changed', changedFact())
    say(rig, 'box.changed', boxFact())
    expect(await line.next()).toMatchObject({ event: { name: 'box.changed' } })
  })

  it('is shown its place now and then when what happened was for others', async () => {
    const { beat } = holdBeats()
    const rig = await openBareRig()
    const [line, other] = [await openBusSocket(rig.http.port), await openBusSocket(rig.http.port)]
    line.send({ subscribe: ['settings.changed'], namespaces: ['kytos/a'] })
    await line.next()
    say(rig, 'settings.changed', changedFact({ namespace: 'kytos/b' }))
    await beat()
    expect(await line.next()).toEqual({ subscribed: ['settings.changed'], cursor: rig.feed.cursor })
    // Once: after more beats, the next thing it hears is news.
    for (let beats = 0; beats < 3; beats++) {
      const pinged = once(line.socket, 'ping')
      // What another peer sent after the answer to the ping is answered, so that answer has been read.
      for (let times = 0; times < 2; times++) await other.ask('kytos.settings.list')
      await beat()
      await pinged
    }
    say(rig, 'settings.changed', changedFact({ namespace: 'kytos/a' }))
    expect(await line.next()).toMatchObject({ event: { name: 'settings.changed' } })
  })

  it('ends with its line', async () => {
    const { http, bus } = await openBareRig()
    const line = await openBusSocket(http.port)
    line.send({ subscribe: ['kytos/a.*'] })
    await line.next()
    expect(bus.counts().listeners).toBe(1)
    line.socket.close()
    await line.closed
    await expect.poll(() => bus.counts().listeners).toBe(0)
  })
})

describe('ordinary events', () => {
  it('that a client publishes are heard by NApps and by other clients, once each', async () => {
    const { http, bus } = await openBareRig()
    const [sender, reader] = [await openBusSocket(http.port), await openBusSocket(http.port)]
    const heard: unknown[] = []
    bus.on('kytos/topology.link_up', ({ content }) => void heard.push(content))
    reader.send({ subscribe: ['kytos/topology.*', 'kytos/topology.link_up', 'kytos.*'] })
    await reader.next()
    sender.send({ publish: { name: 'kytos/topology.link_up', content: { id: BIG } } })
    sender.send({ publish: { name: 'kytos/topology.link_down' } })
    expect(await reader.next()).toEqual({
      event: expect.objectContaining({ name: 'kytos/topology.link_up', content: { id: BIG } }),
    })
    expect(await reader.next()).toEqual({
      event: expect.objectContaining({ name: 'kytos/topology.link_down', content: {} }),
    })
    expect(heard).toEqual([{ id: BIG }])
  })

  it('are heard beside facts; commands of others never are', async () => {
    const { http, bus } = await openBareRig()
    bus.serve('kytos.settings.list', () => [])
    const line = await openBusSocket(http.port)
    line.send({ subscribe: ['kytos.*', 'kytos/settings.loaded'] })
    await line.next()
    bus.emit('kytos.settings.list', {})
    bus.announce('kytos/settings.loaded', {})
    bus.emit('kytos.other', { x: 1 })
    expect((await line.next()).event?.name).toBe('kytos/settings.loaded')
    expect((await line.next()).event?.name).toBe('kytos.other')
  })

  it('that JSON cannot hold go to the dead letters, and the next is heard', async () => {
    const { http, bus } = await openBareRig()
    const line = await openBusSocket(http.port)
    line.send({ subscribe: ['kytos/a.b'] })
    await line.next()
    bus.emit('kytos/a.b', { socket: new Map() })
    bus.emit('kytos/a.b', { n: 1 })
    expect((await line.next()).event?.content).toEqual({ n: 1 })
    expect(bus.deadLetters.list()).toMatchObject([
      { listener: '127.0.0.1', error: { code: 'JSON_MALFORMED' } },
    ])
  })
})

describe('a frame that is refused', () => {
  const REFUSALS: readonly [
    what: string,
    frame: string,
    code: string,
    message: RegExp,
    replyTo?: string | number,
  ][] = [
    ['no JSON', '{"id":1', 'JSON_MALFORMED', /./],
    ['empty', '', 'JSON_MALFORMED', /./],
    [
      'a duplicate key',
      '{"id":1,"id":2,"name":"kytos.settings.list"}',
      'JSON_MALFORMED',
      /twice|duplicate|"id"/i,
    ],
    [
      'nested too deep',
      `{"id":1,"name":"kytos.settings.list","content":${'['.repeat(10_000)}${']'.repeat(10_000)}}`,
      'JSON_MALFORMED',
      /128/,
    ],
    ['a number too large', '{"id":1e400,"name":"kytos.settings.list"}', 'JSON_MALFORMED', /1e400/],
    ['no object', '[1]', 'CONTENT_MALFORMED', /object, not \[1\]/],
    ['no id', '{"name":"kytos.settings.list"}', 'CONTENT_MALFORMED', /"id" must be/],
    [
      'an id that is null',
      '{"id":null,"name":"kytos.settings.list"}',
      'CONTENT_MALFORMED',
      /"id" must be .* not null/,
    ],
    [
      'an id too large',
      '{"id":9007199254740992,"name":"kytos.settings.list"}',
      'CONTENT_MALFORMED',
      /not 9007199254740992/,
    ],
    [
      'an id too long',
      `{"id":"${'x'.repeat(129)}","name":"kytos.settings.list"}`,
      'CONTENT_MALFORMED',
      /128 characters/,
    ],
    ['no name', '{"id":1}', 'CONTENT_MALFORMED', /"name" of a command must be a string/, 1],
    ['a name that is no text', '{"id":1,"name":5}', 'CONTENT_MALFORMED', /not 5/, 1],
    [
      'a content that is no object',
      '{"id":1,"name":"kytos.settings.list","content":[]}',
      'CONTENT_MALFORMED',
      /must be an object, not \[\]/,
      1,
    ],
    [
      'an unknown member',
      '{"id":"a","name":"kytos.settings.list","contend":{}}',
      'CONTENT_MALFORMED',
      /"contend" in a frame is not known; the nearest is "content"/,
      'a',
    ],
    ['an unknown frame', '{"subscrib":["a"]}', 'CONTENT_MALFORMED', /nearest is "subscribe"/],
    [
      '__proto__',
      '{"id":1,"name":"kytos.settings.list","__proto__":{"x":1}}',
      'CONTENT_MALFORMED',
      /"__proto__"/,
      1,
    ],
    [
      '__proto__ deep inside',
      '{"id":1,"name":"kytos.settings.update","content":{"data":{"__proto__":1}}}',
      'JSON_MALFORMED',
      /\/content\/data\/__proto__/,
      1,
    ],
    [
      'two frames in one',
      '{"subscribe":[],"publish":{"name":"a"}}',
      'CONTENT_MALFORMED',
      /"publish" in a frame/,
    ],
    [
      'an unknown command',
      '{"id":1,"name":"kytos.settings.updaet"}',
      'COMMAND_NOT_FOUND',
      /did you mean "kytos.settings.update"/,
      1,
    ],
    [
      'a name that is no command',
      '{"id":1,"name":"kytos/topology.link_up"}',
      'COMMAND_NOT_FOUND',
      /publish/,
      1,
    ],
    [
      'a fact as a command',
      '{"id":1,"name":"settings.changed"}',
      'EVENT_RESERVED',
      /reserved for events of the service/,
      1,
    ],
    [
      'a fact published',
      '{"publish":{"name":"settings.changed"}}',
      'EVENT_RESERVED',
      /reserved for the service/,
    ],
    [
      'a fact of boxes published',
      '{"publish":{"name":"box.changed","content":{}}}',
      'EVENT_RESERVED',
      /reserved for the service/,
    ],
    [
      'the loaded fact published',
      '{"publish":{"name":"kytos/settings.loaded"}}',
      'EVENT_RESERVED',
      /reserved for the service/,
    ],
    [
      'a command published',
      '{"publish":{"name":"kytos.settings.delete","content":{"namespace":"kytos/a"}}}',
      'CONTENT_MALFORMED',
      /is a command/,
    ],
    ['no event published', '{"publish":"kytos/a.b"}', 'CONTENT_MALFORMED', /"publish" must be an object/],
    [
      'an unknown member published',
      '{"publish":{"name":"a","data":1}}',
      'CONTENT_MALFORMED',
      /"data" in "publish"/,
    ],
    ['an event without a name', '{"publish":{"name":""}}', 'CONTENT_MALFORMED', /is not an event name/],
    [
      'no list of names',
      '{"subscribe":"settings.changed"}',
      'CONTENT_MALFORMED',
      /"subscribe" must be an array/,
    ],
    ['names that are null', '{"subscribe":null}', 'CONTENT_MALFORMED', /"subscribe" must be an array/],
    [
      'a name among them that is none',
      '{"subscribe":["a",1]}',
      'CONTENT_MALFORMED',
      /"subscribe" must be an array/,
    ],
    [
      'too many names',
      JSON.stringify({ subscribe: Array.from({ length: 101 }, (_, i) => `a${i}`) }),
      'CONTENT_MALFORMED',
      /at most 100 /,
    ],
    [
      'namespaces that are none',
      '{"subscribe":["a"],"namespaces":["",2]}',
      'CONTENT_MALFORMED',
      /"namespaces" must be/,
    ],
    ['a star in the middle', '{"subscribe":["settings.*.x"]}', 'CONTENT_MALFORMED', /only at the end/],
    ['a star alone', '{"subscribe":["*"]}', 'CONTENT_MALFORMED', /only at the end|is not an event name/],
    [
      'a fact that there is not',
      '{"subscribe":["settings.chnaged"]}',
      'CONTENT_MALFORMED',
      /nearest is "settings.changed"/,
    ],
    [
      'a prefix of no fact',
      '{"subscribe":["settings.x.*"]}',
      'CONTENT_MALFORMED',
      /the event does not exist; allowed: settings\.changed/,
    ],
    [
      'commands of others',
      '{"subscribe":["kytos.settings.update"]}',
      'CONTENT_MALFORMED',
      /only the service receives commands/,
    ],
    [
      'all commands of others',
      '{"subscribe":["kytos.settings.*"]}',
      'CONTENT_MALFORMED',
      /only the service receives commands/,
    ],
    [
      'a cursor that is a number',
      '{"subscribe":["settings.changed"],"since":1}',
      'CONTENT_MALFORMED',
      /"since" must be a string/,
    ],
    ['a cursor that is none', '{"subscribe":["settings.changed"],"since":"1.2"}', 'CURSOR_MALFORMED', /./],
  ]

  it('says why, with the id of a command where there is one, and hurts nothing', async () => {
    const { http, bus } = await openRealRig()
    const heard: string[] = []
    bus.on(/.*/s, ({ name }) => void heard.push(name))
    const line = await openBusSocket(http.port)
    for (const [what, frame, code, message, replyTo = null] of REFUSALS) {
      line.send(frame)
      expect(await line.next(), what).toEqual({
        reply_to: replyTo,
        error: {
          code,
          status: expect.any(Number),
          message: expect.stringMatching(message),
          details: expect.any(Object),
        },
      })
    }
    expect(heard).toEqual(['kytos.settings.updaet'])
    expect(await line.ask('kytos.settings.list')).toMatchObject({ data: [] })
  })
})
