import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Operation } from '../../backends/backend.ts'
import { Committer } from '../../backends/etcd/commit.ts'
import { Credentials } from '../../backends/etcd/connection/credentials.ts'
import { EndpointPool, type EtcdResponse } from '../../backends/etcd/connection/endpoint-pool.ts'
import { CallFailed } from '../../backends/etcd/connection/errors.ts'
import { KeyMapper } from '../../backends/etcd/key-mapper.ts'
import { historyKey, makeKey } from '../../model/key.ts'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'

let etcd: EtcdServer
beforeEach(async () => {
  etcd = await startEtcd()
})
afterEach(() => etcd.stop())

/**
 * The connection to a real etcd that reports for its first transactions that its space is used up: after they
 * were applied, or instead of applying them.
 */
class FullLink extends EndpointPool {
  lies = 0
  applies = true
  /** Done by another client before the answer arrives. */
  meanwhile = async (): Promise<void> => {}

  override async call<T extends EtcdResponse>(
    attempt: Parameters<typeof EndpointPool.prototype.call<T>>[0],
    before?: Parameters<typeof EndpointPool.prototype.call<T>>[1],
  ) {
    if (this.lies-- <= 0) return super.call(attempt, before)
    if (this.applies) await super.call(attempt, before)
    await this.meanwhile()
    throw new CallFailed(
      { kind: 'refused', code: 'STORE_FULL', reason: 'database space exceeded' },
      false,
      undefined,
    )
  }
}

describe('a store that reports that its space is used up', () => {
  const commitOf = (name: string) => {
    const key = makeKey('settings', 'kytos', name)
    return [
      { key, put: `{"${name}":1}`, expected: 'absent' },
      {
        key: historyKey(key, 1),
        put: `{"write_id":"${name}"}`,
        expected: 'absent',
        marker: true,
        lasting: true,
      },
    ] as const
  }

  it.each([
    { commits: 1, applies: true },
    { commits: 3, applies: true },
    { commits: 1, applies: false },
  ])(
    'is asked what became of $commits commits before anybody is told (carried out: $applies)',
    async ({ commits, applies }) => {
      const options = { endpoints: etcd.endpoints, prefix: '/kytos', timeout: 5 }
      const link = new FullLink(new Credentials(options))
      const committer = new Committer(link, new KeyMapper('/kytos', () => {}), options)
      Object.assign(link, { lies: 1, applies })
      const outcomes = await Promise.all(
        Array.from({ length: commits }, (_, n) => committer.commit(commitOf(`n${n}`)).catch(error => error)),
      )
      for (const [n, outcome] of outcomes.entries()) {
        expect(outcome).toMatchObject(applies ? { committed: true } : { code: 'STORE_FULL' })
        expect(await etcd.client.get(`/kytos/settings/kytos/n${n}`).string()).toBe(
          applies ? `{"n${n}":1}` : null,
        )
      }
      await committer.settle(1_000)
      link.close()
    },
  )

  it.each([1, 2])(
    'refuses what others may delete, of %d commits, as surely not written when nothing was',
    async commits => {
      const options = { endpoints: etcd.endpoints, prefix: '/kytos', timeout: 5 }
      const link = new FullLink(new Credentials(options))
      const committer = new Committer(link, new KeyMapper('/kytos', () => {}), options)
      const box = (n: number) => makeKey('boxes', 'net', `n${n}`)
      await committer.commit([{ key: box(0), put: '"before"' }])
      Object.assign(link, { lies: 1, applies: false })
      const asked: readonly (readonly Operation[])[] = [
        [{ key: box(0), put: '"before"' }],
        [{ key: box(1), put: '"1"', expected: 'absent', marker: true }],
      ]
      const ends = await Promise.all(
        asked.slice(0, commits).map(operations => committer.commit(operations).catch(error => error)),
      )
      expect(ends).toMatchObject(ends.map(() => ({ code: 'STORE_FULL' })))
      expect(await etcd.client.getAll().prefix('/kytos/boxes/').strings()).toEqual({
        '/kytos/boxes/net/n0': '"before"',
      })
      await committer.settle(1_000)
      link.close()
    },
  )

  it.each([1, 2])('does not get what others may delete again, of %d commits', async commits => {
    const options = { endpoints: etcd.endpoints, prefix: '/kytos', timeout: 5 }
    const link = new FullLink(new Credentials(options))
    const committer = new Committer(link, new KeyMapper('/kytos', () => {}), options)
    Object.assign(link, { lies: 1, meanwhile: () => etcd.client.delete().prefix('/kytos/boxes/') })
    const outcomes = await Promise.all(
      Array.from({ length: commits }, (_, n) =>
        committer
          .commit([
            { key: makeKey('boxes', 'net', `n${n}`), put: `"${n}"`, expected: 'absent', marker: true },
          ])
          .catch(error => error),
      ),
    )
    expect(outcomes).toMatchObject(outcomes.map(() => ({ code: 'OUTCOME_UNKNOWN' })))
    expect(await etcd.client.getAll().prefix('/kytos/boxes/').keys()).toEqual([])
    await committer.settle(1_000)
    link.close()
  })
})
