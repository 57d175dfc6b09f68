import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createEtcdBackend } from '../../backends/etcd/index.ts'
import type { Facts } from '../../events/map.ts'
import type { Actor } from '../../model/actor.ts'
import { type Controller, openController } from '../support/controller.ts'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'
import { type MessageProxy, startMessageProxy } from '../support/message-proxy.ts'

/*
 * A command is applied and its answer is lost; before the connection is back, another controller deletes or
 * creates the same document. The command takes effect at most once, and undoes no acknowledged change
 * of the other controller. Its answer claims no more than the store shows.
 */

const ACTOR: Actor = { type: 'user', name: 'alice' }

let etcd: EtcdServer
let stores = 0

beforeAll(async () => {
  etcd = await startEtcd()
})
afterAll(() => etcd.stop())

interface Pair {
  /** Its answers can be lost. */
  readonly far: Controller
  readonly near: Controller
  readonly line: MessageProxy
}

async function openPair(): Promise<Pair> {
  const line = await startMessageProxy(etcd.port)
  const prefix = `/once${stores++}`
  const open = (id: string, endpoints: readonly string[]) =>
    openController({
      id,
      backend: report => createEtcdBackend({ endpoints, prefix, timeout: 8 }, { report }),
    })
  const near = await open('near', etcd.endpoints)
  const far = await open('far', [line.endpoint])
  onTestFinished(async () => {
    await Promise.all([far.close(), near.close()])
    await line.close()
  })
  return { far, near, line }
}

/**
 * Runs a command whose first commit is applied and not answered; `meanwhile` runs before the connection is
 * back.
 */
async function loseAnswer<T>(
  line: MessageProxy,
  command: () => Promise<T>,
  meanwhile: () => Promise<unknown>,
): Promise<PromiseSettledResult<T>> {
  const applied = new Promise<void>(resolve => {
    line.breakAt(({ committed }) => {
      if (!committed) return undefined
      line.refuse()
      resolve()
      return 'before'
    })
  })
  const asked = Promise.allSettled([command()])
  try {
    await applied
    await meanwhile()
  } finally {
    line.resume()
  }
  return (await asked)[0]
}

const unknown = (details: object) => ({
  status: 'rejected',
  reason: { code: 'OUTCOME_UNKNOWN', status: 504, retryable: false, details },
})
const BOX = { namespace: 'net', box_id: 'a' } as const
const nothing = async (): Promise<void> => {}

/** The kinds of the facts about a box, received until this controller has seen all changes. */
async function kindsHeard({ ask, facts }: Controller): Promise<readonly string[]> {
  await ask('kytos.storehouse.create', { namespace: 'net', box_id: 'fence', data: 0 })
  const boxes = facts
    .filter(({ name }) => name === 'box.changed')
    .map(({ content }) => content as unknown as Facts['box.changed'])
  return boxes.filter(({ box_id }) => box_id === BOX.box_id).map(({ kind }) => kind)
}

describe('The creation of a box whose answer is lost', () => {
  it('is not repeated after another controller has deleted the box', async () => {
    const { far, near, line } = await openPair()
    const end = await loseAnswer(
      line,
      () => far.ask('kytos.storehouse.create', { ...BOX, data: 1 }),
      async () => expect(await near.ask('kytos.storehouse.delete', BOX)).toBe(true),
    )
    expect(await near.ask('kytos.storehouse.retrieve', BOX)).toBe(false)
    expect(await kindsHeard(near)).toEqual(['created', 'deleted'])
    expect(end).toMatchObject(unknown({ write_id: expect.any(String) }))
  })

  it('is a success when the box is there', async () => {
    const { far, near, line } = await openPair()
    const end = await loseAnswer(line, () => far.ask('kytos.storehouse.create', { ...BOX, data: 1 }), nothing)
    expect(end).toEqual({ status: 'fulfilled', value: await near.ask('kytos.storehouse.retrieve', BOX) })
    expect(await kindsHeard(near)).toEqual(['created'])
  })

  it('is a success at its own revision when another controller has changed the box since', async () => {
    const { far, near, line } = await openPair()
    let changed = {}
    const end = await loseAnswer(
      line,
      () => far.ask('kytos.storehouse.create', { ...BOX, data: 1 }),
      async () => {
        changed = await near.ask('kytos.storehouse.update', { ...BOX, data: 2, method: 'PUT' })
      },
    )
    expect(end).toMatchObject({ status: 'fulfilled', value: { data: 1 } })
    expect(await near.ask('kytos.storehouse.retrieve', BOX)).toEqual(changed)
    expect(await kindsHeard(near)).toEqual(['created', 'updated'])
  })
})

describe('The deletion of a box whose answer is lost', () => {
  it('does not remove the box that another controller created since', async () => {
    const { far, near, line } = await openPair()
    const { revision } = await near.ask('kytos.storehouse.create', { ...BOX, data: 1 })
    let created = {}
    const end = await loseAnswer(
      line,
      () => far.ask('kytos.storehouse.delete', BOX),
      async () => {
        created = await near.ask('kytos.storehouse.create', { ...BOX, data: 2 })
      },
    )
    expect(await near.ask('kytos.storehouse.retrieve', BOX)).toEqual(created)
    expect(await kindsHeard(near)).toEqual(['created', 'deleted', 'created'])
    expect(end).toMatchObject(unknown({ revision }))
  })

  it('is not distinguished from a deletion by another caller', async () => {
    const { far, near, line } = await openPair()
    await near.ask('kytos.storehouse.create', { ...BOX, data: 1 })
    const end = await loseAnswer(line, () => far.ask('kytos.storehouse.delete', BOX), nothing)
    expect(await near.ask('kytos.storehouse.retrieve', BOX)).toBe(false)
    expect(end).toMatchObject(unknown({}))
  })
})

describe('The change of a box whose answer is lost', () => {
  it.each(['deleted', 'deleted and created anew'])(
    'is made once and not made on another box, after the box was %s',
    async how => {
      const { far, near, line } = await openPair()
      await near.ask('kytos.storehouse.create', { ...BOX, data: 1 })
      const end = await loseAnswer(
        line,
        () => far.ask('kytos.storehouse.update', { ...BOX, data: 2, method: 'PUT' }),
        async () => {
          await near.ask('kytos.storehouse.delete', BOX)
          if (how !== 'deleted') await near.ask('kytos.storehouse.create', { ...BOX, data: 3 })
        },
      )
      expect(await near.ask('kytos.storehouse.retrieve', BOX)).toMatchObject(
        how === 'deleted' ? {} : { data: 3 },
      )
      expect(await kindsHeard(near)).toEqual([
        'created',
        'updated',
        'deleted',
        ...(how === 'deleted' ? [] : ['created']),
      ])
      expect(end).toMatchObject(unknown({ write_id: expect.any(String) }))
    },
  )
})

describe('A token', () => {
  it('that was revoked at another controller is not good again', async () => {
    const { far, near, line } = await openPair()
    let id = ''
    const end = await loseAnswer(
      line,
      () => far.service.tokens.create({ name: 'ci', rights: ['read'] }, ACTOR),
      async () => {
        id = (await near.service.tokens.list())[0]?.id ?? ''
        await near.service.tokens.revoke(id)
      },
    )
    expect(await near.service.tokens.list()).toEqual([])
    expect(end).toMatchObject({
      status: 'rejected',
      reason: { code: 'OUTCOME_UNKNOWN', message: expect.stringContaining(id) },
    })
  })

  it('whose creation was not answered is good when it is there', async () => {
    const { far, near, line } = await openPair()
    const end = await loseAnswer(
      line,
      () => far.service.tokens.create({ name: 'ci', rights: ['read'] }, ACTOR),
      nothing,
    )
    const [token] = await near.service.tokens.list()
    expect(end).toMatchObject({ status: 'fulfilled', value: { id: token?.id } })
  })

  it.each(['this controller alone', 'another controller as well'])(
    'is revoked once the answer to its revocation by %s was lost',
    async by => {
      const { far, near, line } = await openPair()
      const { id } = await near.service.tokens.create({ name: 'ci', rights: ['read'] }, ACTOR)
      const end = await loseAnswer(
        line,
        () => far.service.tokens.revoke(id),
        async () => {
          if (by !== 'this controller alone')
            await expect(near.service.tokens.revoke(id)).rejects.toMatchObject({ code: 'TOKEN_NOT_FOUND' })
        },
      )
      expect(end).toMatchObject({ status: 'fulfilled' })
      expect(await near.service.tokens.list()).toEqual([])
    },
  )
})

describe('Commands that share a transaction whose answer is lost', () => {
  it('are each repeated or looked up, and each applied once', async () => {
    const { far, near, line } = await openPair()
    await near.ask('kytos.storehouse.create', { ...BOX, data: 1 })
    await far.ask('kytos.storehouse.list', { namespace: 'net' })
    const end = await loseAnswer(
      line,
      () =>
        Promise.allSettled([
          far.ask('kytos.storehouse.create', { namespace: 'net', box_id: 'kept', data: 1 }),
          far.ask('kytos.storehouse.create', { namespace: 'net', box_id: 'dropped', data: 1 }),
          far.ask('kytos.settings.update', { namespace: 'kytos/x', data: { x: 1 } }),
        ]),
      async () => {
        await near.ask('kytos.storehouse.delete', { namespace: 'net', box_id: 'dropped' })
        await near.ask('kytos.settings.update', { namespace: 'kytos/x', data: { y: 1 } })
      },
    )
    const [kept, dropped, update] = end.status === 'fulfilled' ? end.value : []
    expect(kept).toMatchObject({ status: 'fulfilled' })
    expect(dropped).toMatchObject(unknown({}))
    expect(update).toMatchObject({ status: 'fulfilled' })
    expect(await near.ask('kytos.storehouse.list', { namespace: 'net' })).toEqual(['a', 'kept'])
    const history = await near.ask('kytos.settings.history', { namespace: 'kytos/x' })
    expect(history.map(({ version, data }) => [version, data])).toEqual([
      [2, { x: 1, y: 1 }],
      [1, { x: 1 }],
    ])
  })
})

describe('The first claim of an epoch whose answer is lost', () => {
  it('is not repeated on a store that was wiped since: no epoch is given twice', async () => {
    const line = await startMessageProxy(etcd.port)
    const prefix = `/once${stores++}`
    const epochOf = async () =>
      JSON.parse((await etcd.client.get(`${prefix}/meta/store`).string()) ?? '{}').epoch as number | undefined
    const opened: Controller[] = []
    onTestFinished(async () => {
      await Promise.all(opened.map(one => one.close()))
      await line.close()
    })
    let first: number | undefined
    const end = await loseAnswer(
      line,
      () =>
        openController({
          backend: report =>
            createEtcdBackend({ endpoints: [line.endpoint], prefix, timeout: 8 }, { report }),
        }),
      async () => {
        first = await epochOf()
        await etcd.client.delete().prefix(`${prefix}/`)
      },
    )
    if (end.status === 'fulfilled') opened.push(end.value)
    expect(end).toMatchObject({ status: 'fulfilled' })
    expect(first).toEqual(expect.any(Number))
    expect(await epochOf()).toBeGreaterThan(first ?? 0)
  })
})
