import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Backend } from '../../backends/backend.ts'
import { createEtcdBackend } from '../../backends/etcd/index.ts'
import { isSettingsError, toSettingsError } from '../../model/errors.ts'
import { makePrefix } from '../../model/key.ts'
import { type Controller, openController } from '../support/controller.ts'
import { type EtcdCluster, type EtcdNode, startEtcdCluster } from '../support/etcd.ts'
import { checkPending, type PendingAnswer } from './check/pending.ts'
import type { StoreRevision } from './history.ts'

/*
 * Confirmed commits on three etcds while leaders are killed and frozen, a majority goes away, and controllers
 * are replaced; in a short run, one leader is killed. Each change is confirmed, cancelled, extended, or left to its time.
 */

const LONG = process.env.CHAOS_LONG === '1'
const NAMESPACES = ['kytos/p0', 'kytos/p1', 'kytos/p2', 'kytos/p3']
const SOON = { timeout: 60_000, interval: 100 }

let cluster: EtcdCluster
let controllers: Controller[]

const place = () => ({ endpoints: cluster.endpoints, prefix: '/kytos', timeout: 3 })
const openOne = (id: string): Promise<Controller> =>
  openController({ id, startTimeout: 60_000, backend: report => createEtcdBackend(place(), { report }) })

beforeEach(async () => {
  cluster = await startEtcdCluster(3, ['--heartbeat-interval=50', '--election-timeout=500'])
  controllers = await Promise.all(['one', 'two', 'three'].map(openOne))
}, 120_000)
afterEach(async () => {
  await Promise.all(controllers.map(one => one.close()))
  await cluster.stop()
}, 60_000)

function node(n: number): EtcdNode {
  return cluster.nodes[n] ?? expect.fail(`There is no node ${n}.`)
}

/** Arms and ends changes until the signal aborts; returns what was answered. */
async function work(
  i: number,
  answers: PendingAnswer[],
  refused: Set<string>,
  signal: AbortSignal,
): Promise<void> {
  for (let n = 0; !signal.aborted; n++) {
    const by = controllers[(i + n) % controllers.length] ?? expect.fail('no controller')
    const [namespace = '', other = ''] = [NAMESPACES[(i + n) % 4], NAMESPACES[(i + 2 * n + 1) % 4]]
    const operations = [
      { namespace, data: { n: `${i}/${n}` } },
      ...(n % 3 === 0 ? [{ namespace: other, data: { n } }] : []),
    ]
    // Nothing but its time ends this one.
    if (n % 40 === 0)
      await by
        .ask('kytos.settings.update', {
          namespace: `kytos/left${i}`,
          data: { [`n${n}`]: n },
          confirm_within: 2,
        })
        .catch(toSettingsError)
    const attempts: (() => Promise<PendingAnswer | undefined>)[] = [
      async () => {
        const { settings } = await by.ask('kytos.settings.transaction', { operations, confirm_within: 2 })
        const writeId = settings[0]?.pending?.write_id
        return writeId === undefined ? undefined : { kind: 'armed', writeId }
      },
      ...(n % 4 === 0
        ? []
        : [
            async () => {
              const end = n % 4 === 1 ? 'cancel' : 'confirm'
              const { kind, write_id: writeId } = await by.ask(`kytos.settings.${end}`, { namespace })
              return { kind, writeId }
            },
          ]),
    ]
    for (const attempt of attempts)
      await attempt().then(
        answer => answer && answers.push(answer),
        error => {
          if (!isSettingsError(error)) throw error
          refused.add(toSettingsError(error).code)
        },
      )
    await delay(20 + 30 * (n % 5))
  }
}

/** Everything that the store went through. */
async function readHistory(store: Backend): Promise<readonly StoreRevision[]> {
  const revisions: StoreRevision[] = []
  const end = new AbortController()
  for await (const { revision, changes } of store.watch(0n, end.signal)) {
    if (changes.length === 0) break
    revisions.push({
      revision,
      changes: changes.map(change =>
        change.type === 'put'
          ? { key: change.entry.key, text: change.entry.text }
          : { key: change.key, text: undefined },
      ),
    })
  }
  end.abort()
  return revisions
}

describe('confirmed commits on three etcds', () => {
  it(
    'end once and truly, whatever happens to leaders, majorities and controllers',
    async () => {
      const stop = new AbortController()
      const answers: PendingAnswer[] = []
      const refused = new Set<string>()
      const workers = [0, 1, 2].map(i => work(i, answers, refused, stop.signal))
      const more = async (count: number) => {
        const before = answers.length
        await expect.poll(() => answers.length, SOON).toBeGreaterThan(before + count)
      }
      for (let round = 0; round < (LONG ? 20 : 1); round++) {
        await more(15)
        const killed = await cluster.leader()
        await node(killed).kill()
        await more(10)
        await node(killed).restart()
        if (!LONG) break
        const frozen = await cluster.leader()
        node(frozen).pause()
        await more(10)
        node(frozen).resume()
        // A majority is away for longer than the time of each change.
        for (const n of [1, 2]) node(n).pause()
        const at = round % controllers.length
        const replaced = controllers[at] ?? expect.fail('no controller')
        await delay(3_000)
        for (const n of [1, 2]) node(n).resume()
        controllers[at] = await openOne(`again-${round}`)
        await replaced.close()
        await more(10)
      }
      stop.abort()
      await Promise.all(workers)
      const store = createEtcdBackend(place(), { report() {} })
      await store.open()
      await expect.poll(() => waiting(store), SOON).toBe(0)
      const history = await readHistory(store)
      await store.close()
      expect(checkPending(history, answers)).toEqual([])
      const ends = new Set(answers.map(({ kind }) => kind))
      expect([...ends].sort()).toEqual(['armed', 'cancelled', 'confirmed'])
      expect(
        history.some(({ changes }) => changes.some(({ text }) => text?.includes('"ended":"expired"'))),
      ).toBe(true)
      const usual = [
        'PENDING',
        'NOT_PENDING',
        'CONTENTION',
        'OUTCOME_UNKNOWN',
        'STORE_STALE',
        'STORE_UNREACHABLE',
      ]
      expect([...refused].filter(code => !usual.includes(code) && code !== 'TIMEOUT')).toEqual([])
    },
    LONG ? 1_200_000 : 180_000,
  )
})

/** The number of documents that wait. */
async function waiting(store: Backend): Promise<number> {
  const { pages } = await store.list(makePrefix('pending'))
  let count = 0
  for await (const page of pages) count += page.filter(({ text }) => !text.includes('"ended"')).length
  return count
}
