import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { ask } from '../../../events/ask.ts'
import { createBus } from '../../../events/bus.ts'
import { Consumers } from '../../../events/consumers.ts'
import type { AdmissionRequest, ChangingHook } from '../../../events/event.ts'
import { trackSubscriptions } from '../../../src/host/subscriptions.ts'
import { keepLog } from '../../support/controller.ts'

const NS = 'kytos/of_lldp'
const DEADLINE = 40
const proposal: AdmissionRequest = {
  namespace: NS,
  data: { a: 2 },
  previous: { a: 1 },
  changes: [{ path: '/a', old: 1, new: 2, apply: 'live' }],
  actor: { type: 'user', name: 'ann' },
  comment: null,
  dry_run: false,
}

async function opinionOf(changing: ChangingHook) {
  const consumers = new Consumers(DEADLINE)
  consumers.add(NS, 'kytos/of_lldp', { changing })
  const [opinion] = await consumers.admit(proposal)
  return opinion
}

describe('a hook', () => {
  it('accepts by giving nothing, at once or later, and refuses by a reason', async () => {
    const accepted = { napp: 'kytos/of_lldp', verdict: 'accepted', reason: null }
    expect(await opinionOf(() => undefined)).toEqual(accepted)
    expect(await opinionOf(async () => undefined)).toEqual(accepted)
    expect(await opinionOf(() => 'not now')).toEqual({ ...accepted, verdict: 'refused', reason: 'not now' })
    expect(await opinionOf(async ({ data }) => `${data.a} is too much`)).toMatchObject({
      verdict: 'refused',
      reason: '2 is too much',
    })
  })

  it('that throws, rejects or gives something else has refused', async () => {
    const fail = () => {
      throw new Error('broken')
    }
    expect(await opinionOf(fail)).toMatchObject({ verdict: 'refused', reason: 'broken' })
    expect(await opinionOf(async () => fail())).toMatchObject({ verdict: 'refused', reason: 'broken' })
    // A NApp in JavaScript may give anything.
    expect(await opinionOf((() => false) as unknown as ChangingHook)).toMatchObject({
      verdict: 'refused',
      reason: expect.stringContaining('boolean'),
    })
  })

  it('that is late has refused, is told so, and is not waited for again until it has answered', async () => {
    const consumers = new Consumers(DEADLINE)
    let answer = (_: undefined): void => {}
    let signal: AbortSignal | undefined
    let asked = 0
    consumers.add(NS, 'kytos/slow', {
      changing: (_, given) => {
        asked++
        signal = given
        return new Promise(resolve => {
          answer = resolve
        })
      },
    })
    expect(await consumers.admit(proposal)).toMatchObject([
      { verdict: 'late', reason: 'it did not answer within 0.04 s' },
    ])
    expect(signal?.aborted).toBe(true)
    const before = performance.now()
    for (let n = 0; n < 100; n++)
      expect(await consumers.admit(proposal)).toMatchObject([
        { verdict: 'late', reason: expect.stringMatching(/has not answered the request of /) },
      ])
    expect(performance.now() - before).toBeLessThan(DEADLINE * 10)
    expect(asked).toBe(1)
    answer(undefined)
    await delay(0)
    void consumers.admit(proposal)
    expect(asked).toBe(2)
  })

  it('holds nobody up who has another one', async () => {
    const consumers = new Consumers(DEADLINE)
    consumers.add(NS, 'kytos/dead', { changing: () => new Promise(() => {}) })
    consumers.add('kytos/other', 'kytos/other', { changing: () => undefined })
    const slow = consumers.admit(proposal)
    expect(await consumers.admit({ ...proposal, namespace: 'kytos/other' })).toMatchObject([
      { napp: 'kytos/other', verdict: 'accepted' },
    ])
    expect(await slow).toMatchObject([{ verdict: 'late' }])
  })

  it('issues no commands while it is asked, at once or after a pause, and may again once it has answered', async () => {
    const bus = createBus({ hookDeadline: 1_000 })
    bus.serve('kytos.settings.list', () => [])
    const view = bus.view({ type: 'napp', name: 'kytos/a' })
    const list = () => ask(view, 'kytos.settings.list', {})
    let later: Promise<unknown> = Promise.resolve()
    for (const changing of [
      async () => void (await list()),
      async () => {
        await delay(1)
        await list()
      },
    ] as ChangingHook[]) {
      const end = view.consume(NS, { changing })
      expect(await bus.consumers.admit(proposal)).toMatchObject([
        { verdict: 'refused', reason: expect.stringContaining('kytos.settings.list') },
      ])
      end()
    }
    view.consume(NS, {
      changing: () => {
        later = delay(5).then(list)
        return undefined
      },
    })
    expect(await bus.consumers.admit(proposal)).toMatchObject([{ verdict: 'accepted' }])
    expect(await later).toEqual([])
    expect(await list()).toEqual([])
  })
})

describe('the consumers of a namespace', () => {
  it('are its NApps, each once; one hook of several speaks for all when it does not accept', async () => {
    const consumers = new Consumers(DEADLINE)
    consumers.add(NS, 'b/two', {})
    const ends = [undefined, 'first', 'second'].map(reason =>
      consumers.add(NS, 'a/one', { changing: () => reason }),
    )
    expect(consumers.of(NS)).toEqual(['a/one', 'b/two'])
    expect(await consumers.admit(proposal)).toEqual([
      { napp: 'a/one', verdict: 'refused', reason: 'first' },
      { napp: 'b/two', verdict: 'accepted', reason: null },
    ])
    for (const end of ends) end()
    expect(consumers.of(NS)).toEqual(['b/two'])
    expect(consumers.size).toBe(1)
  })

  it('are none once their NApp is stopped, whatever it forgot, and it takes no part any more', async () => {
    const log = keepLog()
    const bus = createBus()
    const { bus: view, release } = trackSubscriptions(bus.view({ type: 'napp', name: 'kytos/a' }), log)
    view.consume(NS, { changing: () => 'no' })
    view.consume(NS)()
    expect(bus.consumers.of(NS)).toEqual(['kytos/a'])
    release()
    expect(bus.counts()).toMatchObject({ consumers: 0 })
    view.consume(NS, { changing: () => 'still no' })
    expect(bus.consumers.of(NS)).toEqual([])
    expect(log.lines).toEqual([expect.stringContaining('after the NApp was stopped')])
  })
})
