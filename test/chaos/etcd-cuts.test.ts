import { afterEach, describe, expect, it } from 'vitest'
import { Credentials } from '../../backends/etcd/connection/credentials.ts'
import { EndpointPool } from '../../backends/etcd/connection/endpoint-pool.ts'
import { KeyMapper } from '../../backends/etcd/key-mapper.ts'
import { watchOnce } from '../../backends/etcd/watch.ts'
import { isSettingsError } from '../../model/errors.ts'
import { makeKey } from '../../model/key.ts'
import type { Controller } from '../support/controller.ts'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'
import { announced, expectAllReceived, openFollower, readSteps } from '../support/followers.ts'
import { type Break, type Message, type MessageProxy, startMessageProxy } from '../support/message-proxy.ts'

/*
 * The line breaks at a named place of the watch's answers, not by chance. Each of these places is one where a
 * watch that goes on from where the *store* is, as the stock client's does, loses what it was not given.
 */

const LONG = process.env.CHAOS_LONG === '1'
const CATCH_UP = 4_200
const ROUNDS = LONG ? 10 : 1

/** A loaded machine may take its time. */
const PATIENCE = { timeout: 15_000 }
let etcd: EtcdServer | undefined
let line: MessageProxy | undefined
const controllers: Controller[] = []

afterEach(async () => {
  await Promise.all(controllers.splice(0).map(one => one.close()))
  await line?.close()
  await etcd?.stop()
})

/** A controller behind a line that breaks, and one that is not, on an empty store. */
async function openBoth(): Promise<{
  readonly server: EtcdServer
  readonly cutter: MessageProxy
  readonly behind: Controller
  readonly direct: Controller
}> {
  const server = await startEtcd()
  etcd = server
  const cutter = await startMessageProxy(server.port)
  line = cutter
  const behind = await openFollower('behind', { endpoints: [cutter.endpoint] })
  controllers.push(behind)
  const direct = await openFollower('direct', { endpoints: server.endpoints })
  controllers.push(direct)
  return { server, cutter, behind, direct }
}

/** Puts boxes, one revision each, as a plain client would: many at a time. */
async function putBoxes(server: EtcdServer, count: number, from: number, size = 10): Promise<void> {
  const puts = Array.from({ length: count }, (_, n) => n + from)
  const work = Array.from({ length: Math.min(64, count) }, async () => {
    for (let n = puts.shift(); n !== undefined; n = puts.shift())
      await server.client.put(`/kytos/boxes/cuts/box${n % 500}`).value(boxText(n, size))
  })
  await Promise.all(work)
}

function boxText(n: number, size: number): string {
  const written =
    '{"write_id":"plain","actor":{"type":"user","name":"plain"},"at":"2026-01-01T00:00:00.000Z"}'
  return `{"data":{"n":${n},"text":"${'x'.repeat(size)}"},"created_at":"2026-01-01T00:00:00.000Z","owner":null,"written":${written}}`
}

/** Chooses the `nth` message that the condition holds for. */
function nth(
  n: number,
  at: Break,
  condition: (message: Message) => boolean,
): (message: Message) => Break | undefined {
  let seen = 0
  return message => (condition(message) && ++seen === n ? at : undefined)
}

const isEvents = ({ events }: Message): boolean => events > 0

/** One after the other in one catch-up; etcd gives at most 1000 revisions in one answer. */
const PLACES: readonly (readonly [string, () => (message: Message) => Break | undefined])[] = [
  ['before "created"', () => nth(1, 'before', ({ created }) => created)],
  ['right after "created", before any event', () => nth(1, 'after', ({ created }) => created)],
  ['in the middle of the first batch', () => nth(1, 'within', isEvents)],
  ['right after the first batch', () => nth(1, 'after', isEvents)],
  ['in the middle of the second batch', () => nth(2, 'within', isEvents)],
  ['right after the second batch', () => nth(2, 'after', isEvents)],
]

describe('A controller that catches up with thousands of revisions', () => {
  it('hears each once and in order, wherever in the catch-up its line breaks', {
    timeout: 60_000,
  }, async () => {
    const { server, cutter, behind, direct } = await openBoth()
    for (let round = 0; round < ROUNDS; round++) {
      cutter.refuse()
      await putBoxes(server, CATCH_UP, round * CATCH_UP)
      for (const [n, [place, choose]] of PLACES.entries()) {
        cutter.breakAt(choose())
        cutter.resume()
        await expect
          .poll(() => cutter.breaks, { timeout: 15_000, message: place })
          .toBe(round * PLACES.length + n + 1)
      }
      const last = await server.revision()
      await expect.poll(() => behind.service.health().revision, PATIENCE).toBe(last)
    }
    await expectAllReceived(server.client, [behind, direct])
    expect(behind.changes).toHaveLength(ROUNDS * CATCH_UP)
  })

  it('hears each once and in order when its line breaks after any number of bytes', {
    timeout: 60_000,
  }, async () => {
    const { server, cutter, behind, direct } = await openBoth()
    const PER_CUT = 40
    const cuts = Array.from({ length: LONG ? 120 : 12 }, (_, n) => n * 70)
    for (const [n, bytes] of cuts.entries()) {
      cutter.refuse()
      await putBoxes(server, PER_CUT, n * PER_CUT)
      let passed = 0
      cutter.breakAt(({ size }) => {
        passed += size
        return passed > bytes * 10 ? (['before', 'within', 'after'] as const)[n % 3] : undefined
      })
      cutter.resume()
      const last = await server.revision()
      await expect
        .poll(() => behind.service.health().revision, {
          timeout: 15_000,
          message: `cut after ${bytes * 10} bytes`,
        })
        .toBe(last)
    }
    expect(cutter.breaks).toBeGreaterThan(cuts.length / 2)
    await expectAllReceived(server.client, [behind, direct])
  })

  it('hears each of 40 boxes of 200 KB, which come as one answer of 8 MB, also when the line breaks in its middle', {
    timeout: 60_000,
  }, async () => {
    const { server, cutter, behind, direct } = await openBoth()
    const sizes: number[] = []
    for (const at of ['within', undefined] as const) {
      cutter.refuse()
      await putBoxes(server, 40, sizes.length * 100, 200_000)
      cutter.breakAt(({ size }) => {
        if (size > 1_000_000) sizes.push(size)
        return size > 4 * 1024 * 1024 ? at : undefined
      })
      cutter.resume()
      const last = await server.revision()
      await expect.poll(() => behind.service.health().revision, PATIENCE).toBe(last)
    }
    expect(cutter.breaks).toBe(1)
    expect(Math.max(...sizes)).toBeGreaterThan(4 * 1024 * 1024)
    await expectAllReceived(server.client, [behind, direct])
  })

  it('hears a large revision whole or not at all when the line breaks in the middle of it', {
    timeout: 60_000,
  }, async () => {
    const { server, cutter, behind, direct } = await openBoth()
    for (const [n, at] of (['before', 'within', 'after'] as const).entries()) {
      const put = ['a', 'b', 'c', 'd'].map(sign => ({
        request_put: {
          key: Buffer.from(`/kytos/boxes/large/${sign}${n}`),
          value: Buffer.from(boxText(n, 370_000)),
        },
      }))
      cutter.breakAt(({ events }) => (events >= 4 ? at : undefined))
      await server.client.kv.txn({ success: put })
      await expect.poll(() => cutter.breaks, PATIENCE).toBe(n + 1)
    }
    await expectAllReceived(server.client, [behind, direct])
    expect(behind.changes).toHaveLength(12)
  })
})

describe('A watch that is given its answers in fragments', () => {
  it('gives every revision of nearly 1.5 MB whole and once, after whichever fragment the line breaks', {
    timeout: 60_000,
  }, async () => {
    etcd = await startEtcd()
    const server = etcd
    line = await startMessageProxy(server.port)
    const since = await server.revision()
    for (let n = 0; n < 3; n++) {
      const put = ['a', 'b', 'c'].map(sign => ({
        request_put: {
          key: Buffer.from(`/kytos/boxes/large/${sign}${n}`),
          value: Buffer.from(boxText(n, 490_000)),
        },
      }))
      await server.client.kv.txn({ success: put })
    }
    const owed = announced(await readSteps(server.client))
    const options = { endpoints: [line.endpoint], prefix: '/kytos', timeout: 4 }
    for (const places of [1, 2].flatMap(n => (['within', 'after'] as const).map(at => ({ n, at })))) {
      line.breakAt(nth(places.n, places.at, isEvents))
      const breaks = line.breaks
      const link = new EndpointPool(new Credentials(options))
      const given: string[] = []
      for (let last = since; given.length < owed.length; ) {
        const identity = {
          cluster: (await server.client.maintenance.status()).header.cluster_id,
          inStep: false,
          fragment: true,
          slack: 1,
        }
        const end = new AbortController()
        try {
          for await (const { revision, changes } of watchOnce(
            link,
            new KeyMapper('/kytos', () => {}),
            identity,
            options,
            last,
            end.signal,
          )) {
            if (changes.length === 0) continue
            expect(changes).toHaveLength(3)
            given.push(
              ...changes.map(
                change => `${revision} ${change.type === 'put' ? change.entry.key : change.key}`,
              ),
            )
            last = revision
            if (given.length === owed.length) end.abort()
          }
        } catch (error) {
          if (!isSettingsError(error, 'STORE_UNREACHABLE')) throw error
        }
      }
      link.close()
      expect(line.breaks).toBe(breaks + 1)
      expect(given).toEqual(owed)
      expect(makeKey('boxes', 'large', 'a0')).toBe(owed[0]?.split(' ')[1])
    }
  })
})
