import { afterEach, describe, expect, it } from 'vitest'
import type { Batch } from '../../../backends/backend.ts'
import { SettingsError } from '../../../model/errors.ts'
import { type Key, makeKey } from '../../../model/key.ts'
import { Cache } from '../../../src/watcher/cache.ts'
import { META_KEY } from '../../../src/watcher/epoch.ts'
import { Reconciler } from '../../../src/watcher/reconciler.ts'
import { keepLog } from '../../support/controller.ts'
import { HURRIED, heard, isState, type Player, type PlayerOptions, startPlayer } from './ensemble.ts'
import { expectOrdered } from './verdicts.ts'
import { type Line, World } from './world.ts'

const A = makeKey('settings', 'kytos', 'a')
const B = makeKey('settings', 'kytos', 'b')
const BOX = makeKey('boxes', 'net', 'box')

const players: Player[] = []
afterEach(async () => {
  await Promise.all(players.splice(0).map(player => player.close()))
})

async function start(world: World, options: PlayerOptions = {}, id = 'one'): Promise<Player> {
  const player = await startPlayer(world, id, options)
  players.push(player)
  return player
}

/**
 * A controller whose watch, from now on, says something else than the store does: what `alter` makes of each
 * batch; undefined: nothing at all.
 */
async function misled(world: World, alter: (batch: Batch) => Batch | undefined): Promise<Player> {
  let armed = false
  const prepare = (line: Line): void => {
    const watch = line.watch.bind(line)
    line.watch = async function* (since, signal) {
      for await (const batch of watch(since, signal)) {
        const altered = armed ? alter(batch) : batch
        if (altered) yield altered
      }
    }
  }
  const player = await start(world, { prepare })
  armed = true
  return player
}

/** Alters the first batch that touches a key, and no other. */
function once(key: Key, alter: (batch: Batch) => Batch | undefined): (batch: Batch) => Batch | undefined {
  let done = false
  return batch => {
    if (
      done ||
      !batch.changes.some(change => (change.type === 'put' ? change.entry.key : change.key) === key)
    )
      return batch
    done = true
    return alter(batch)
  }
}

/** Resolves when a condition holds that a later turn of the event loop brings about. */
async function until(condition: () => boolean): Promise<void> {
  await expect.poll(condition, { interval: 1, timeout: 5_000 }).toBe(true)
}

const rounds = ({ service }: Player): number => service.health().reconciles

/** Resolves when the controller has compared itself with the store as it is now. */
async function compared(player: Player): Promise<void> {
  const before = rounds(player)
  // The first of them may have begun before.
  await until(() => rounds(player) >= before + 2)
}

function state(player: Player) {
  const { repairs, resyncs, epoch, state } = player.service.health()
  return { repairs, resyncs, epoch, state }
}

function said(player: Player): string[] {
  expectOrdered(player.changes)
  return player.changes.map(
    change => `${'box_id' in change ? change.box_id : change.namespace} ${change.kind} ${change.origin}`,
  )
}

describe('a cache that the watch misled', () => {
  it('about a batch that never came is mended by a listing, in the same epoch', async () => {
    const world = new World()
    const player = await misled(
      world,
      once(A, () => undefined),
    )
    const { epoch } = player.service.health()
    world.commit({ key: A, put: '{"v":1}' })
    world.commit({ key: B, put: '{"v":2}' })
    await heard(player, ({ content }) => (content as { origin?: string }).origin === 'resync')
    await heard(player, isState('STALE'))
    await compared(player)
    expect(state(player)).toEqual({ repairs: 1, resyncs: 1, epoch, state: 'READY' })
    expect(said(player)).toEqual(['kytos/b created live', 'kytos/a created resync'])
    expect(player.log.lines.filter(line => line.startsWith('error'))).toEqual([
      `error REPAIR: the cached ${A} differs from the store, which has revision 2 of it.`,
    ])
    expect((await player.ask('kytos.settings.retrieve', { namespace: 'kytos/a' })).data).toEqual({ v: 1 })
  })

  it('about the newest batch, of which it says that it was given, is mended so too', async () => {
    const world = new World()
    const player = await misled(
      world,
      once(A, ({ revision }) => ({ revision, changes: [] })),
    )
    const { epoch } = player.service.health()
    world.commit({ key: A, put: '{"v":1}' })
    await heard(player, isState('STALE'))
    await compared(player)
    expect(state(player)).toEqual({ repairs: 1, resyncs: 1, epoch, state: 'READY' })
    expect(said(player)).toEqual(['kytos/a created resync'])
  })

  it('by keeping the newest batch back gets another watch, which gives it as a step', async () => {
    const world = new World()
    const player = await misled(
      world,
      once(A, () => undefined),
    )
    const { epoch } = player.service.health()
    world.commit({ key: A, put: '{"v":1}' })
    await heard(player, isState('STALE'))
    await compared(player)
    expect(state(player)).toEqual({ repairs: 0, resyncs: 0, epoch, state: 'READY' })
    expect(said(player)).toEqual(['kytos/a created live'])
  })

  it('about a text is mended at a later revision, so that no cursor is said twice', async () => {
    const world = new World()
    const player = await misled(
      world,
      once(BOX, ({ revision }) => ({
        revision,
        changes: [
          {
            type: 'put',
            entry: { key: BOX, text: '{"data":0}', modRevision: revision, createRevision: revision },
          },
        ],
      })),
    )
    const other = await start(world, {}, 'two')
    const { epoch } = player.service.health()
    world.commit({ key: BOX, put: '{"data":1}' })
    await heard(player, ({ content }) => (content as { origin?: string }).origin === 'resync')
    await Promise.all([compared(player), compared(other)])
    expect(state(player)).toEqual({ repairs: 1, resyncs: 1, epoch, state: 'READY' })
    expect(said(player)).toEqual(['box created live', 'box updated resync'])
    expect(state(other)).toEqual({ repairs: 0, resyncs: 0, epoch, state: 'READY' })
    expect(said(other)).toEqual(['box created live'])
  })

  it('about something that never was is mended', async () => {
    const world = new World()
    const player = await misled(
      world,
      once(A, batch => ({
        ...batch,
        changes: [
          {
            type: 'put',
            entry: {
              key: BOX,
              text: '{"data":1}',
              modRevision: batch.revision,
              createRevision: batch.revision,
            },
          },
          ...batch.changes,
        ],
      })),
    )
    world.commit({ key: A, put: '{"v":1}' })
    await heard(player, ({ content }) => (content as { origin?: string }).origin === 'resync')
    await compared(player)
    expect(state(player)).toMatchObject({ repairs: 1, state: 'READY' })
    expect(said(player)).toEqual(['box created live', 'kytos/a created live', 'box deleted resync'])
    expect(await player.ask('kytos.storehouse.list', { namespace: 'net' })).toEqual([])
  })

  it('about a deletion is mended', async () => {
    const world = new World()
    world.commit({ key: BOX, put: '{"data":1}' })
    const player = await misled(
      world,
      once(BOX, () => undefined),
    )
    world.commit({ key: BOX, delete: true })
    world.commit({ key: B, put: '{}' })
    await heard(player, ({ content }) => (content as { origin?: string }).origin === 'resync')
    await compared(player)
    expect(state(player)).toMatchObject({ repairs: 1, state: 'READY' })
    expect(said(player)).toEqual(['kytos/b created live', 'box deleted resync'])
  })

  it('about meta/store is mended without a fact', async () => {
    const world = new World()
    const player = await misled(
      world,
      once(META_KEY, ({ revision }) => ({ revision, changes: [] })),
    )
    const meta = world.store.get(META_KEY) ?? expect.fail('there is none')
    world.commit({ key: META_KEY, put: meta.text.replace('{', '{ ') })
    world.commit({ key: B, put: '{}' })
    await heard(player, isState('STALE'))
    await compared(player)
    expect(state(player)).toMatchObject({ repairs: 1, resyncs: 1, state: 'READY' })
    expect(said(player)).toEqual(['kytos/b created live'])
  })
})

describe('the comparison', () => {
  it('finds nothing while everything changes, and holds no fact up', async () => {
    const world = new World()
    for (let i = 0; i < 60; i++) world.commit({ key: makeKey('boxes', 'net', `b${i}`), put: '{"data":0}' })
    // A listing takes sixty turns of the event loop; something is written in each of them.
    const player = await start(world, { prepare: line => Object.assign(line, { page: 1 }) })
    const before = rounds(player)
    for (let n = 0; rounds(player) < before + 5; n++) {
      const key = makeKey('boxes', 'net', `b${n % 60}`)
      world.commit(n % 7 === 3 ? { key, delete: true } : { key, put: `{"data":${n}}` })
      await new Promise(resolve => setImmediate(resolve))
      await new Promise(resolve => setImmediate(resolve))
      expect(player.service.health().revision).toBe(world.revision)
    }
    expect(state(player)).toMatchObject({ repairs: 0, resyncs: 0, state: 'READY' })
    expect(player.log.lines.filter(line => line.startsWith('error'))).toEqual([])
  })

  it('has patience with a watch that gives what it says it has given', async () => {
    const world = new World()
    const boxes = Array.from({ length: 30 }, (_, i) => makeKey('boxes', 'net', `b${i}`))
    let slow = false
    const prepare = (line: Line): void => {
      const watch = line.watch.bind(line)
      line.watch = async function* (since, signal) {
        for await (const batch of watch(since, signal)) {
          if (slow) yield { revision: world.revision, changes: [] }
          if (slow) await new Promise(resolve => setTimeout(resolve, 10))
          yield batch
        }
      }
    }
    const player = await start(world, { prepare, pace: { ...HURRIED, confirmation: 100 } })
    slow = true
    for (const key of boxes) world.commit({ key, put: '{"data":1}' })
    await until(() => player.changes.length === boxes.length)
    await compared(player)
    expect(state(player)).toMatchObject({ repairs: 0, resyncs: 0, state: 'READY' })
  })

  it('leaves alone what changed after the listing was made', async () => {
    const world = new World()
    const prepare = (line: Line): void => {
      const list = line.list.bind(line)
      // Gone in every listing, and there again before it is looked at.
      line.list = async (...args) => {
        world.commit({ key: BOX, delete: true })
        const listing = await list(...args)
        world.commit({ key: BOX, put: `{"data":1}` })
        return listing
      }
    }
    const player = await start(world, { prepare })
    await until(() => rounds(player) >= 5)
    expect(state(player)).toMatchObject({ repairs: 0, resyncs: 0, state: 'READY' })
  })

  it('blames no cache for a store that was put back before the watch noticed', async () => {
    const world = new World()
    const player = await start(world)
    const { epoch } = player.service.health()
    for (const v of [1, 2]) world.commit({ key: BOX, put: `{"data":${v}}` })
    await until(() => player.changes.length === 2)
    const cut = player.line.cut.bind(player.line)
    player.line.cut = () => void setTimeout(cut, HURRIED.confirmation / 2)
    // At the same revision as before.
    world.rewind(1)
    await heard(player, isState('STALE'))
    await compared(player)
    expect(state(player)).toMatchObject({ repairs: 0, resyncs: 1, state: 'READY' })
    expect(player.service.health().epoch).toBeGreaterThan(epoch)
  })

  it.each([1, 2])('begins a new epoch for a store put back by %i commits behind an open watch', async by => {
    const world = new World()
    const player = await start(world)
    const { epoch } = player.service.health()
    for (const v of [1, 2, 3]) world.commit({ key: BOX, put: `{"data":${v}}` })
    await until(() => player.changes.length === 3)
    // The watch stays on the store that was: nothing tells of the other one but its content.
    player.line.cut = () => {}
    world.rewind(by, [[{ key: A, put: '{}' }]])
    await until(() => player.service.health().epoch > epoch)
    await until(() => player.service.health().state === 'READY')
    expectOrdered(player.changes)
    expect(player.service.health().revision).toBe(world.revision)
  })

  it('leaves alone what was under way when the listing was asked for', async () => {
    const cache = new Cache('one', async () => [])
    const entry = (revision: bigint) => ({
      key: BOX,
      text: `{"data":${revision}}`,
      modRevision: revision,
      createRevision: 1n,
    })
    await cache.apply({ revision: 1n, changes: [{ type: 'put', entry: entry(1n) }] }, { epoch: 1 })
    const batch: Batch = { revision: 2n, changes: [{ type: 'put', entry: entry(2n) }] }
    const end = new AbortController()
    const verdicts: string[] = []
    const tell = (verdict: string) => (): void => {
      verdicts.push(verdict)
      end.abort()
    }
    const line = new World().connect()
    line.list = async () => ({ revision: 2n, pages: pages() })
    const reconciler: Reconciler = new Reconciler(
      {
        backend: line,
        cache,
        log: keepLog(),
        interval: 1,
        confirmation: 5,
        signal: end.signal,
        ready: () => true,
      },
      {
        onDamaged: tell('damaged'),
        onBehind: tell('behind'),
        onEqual: tell('equal'),
        onOtherStore: tell('other'),
      },
    )
    async function* pages() {
      yield [entry(2n)]
      // Between the look at the key and the end of the listing.
      await cache.apply(batch)
      reconciler.applied()
    }
    reconciler.applying(batch)
    await reconciler.run()
    expect(verdicts).toEqual(['equal'])
  })

  it('judges nothing that it saw after the watch had ended', async () => {
    const world = new World()
    const player = await start(world)
    const { epoch } = player.service.health()
    for (const v of [1, 2]) world.commit({ key: BOX, put: `{"data":${v}}` })
    await until(() => player.changes.length === 2)
    const [list, watch] = [player.line.list.bind(player.line), player.line.watch.bind(player.line)]
    let refused = 0
    // Put back to the same revision when the listing is asked for; the way to a watch stays closed for as
    // long as two looks take.
    player.line.list = async (...args) => {
      if (refused++ === 0) world.rewind(1)
      return list(...args)
    }
    player.line.watch = (...args) => {
      if (refused > 0 && refused++ < 30)
        throw new SettingsError('STORE_UNREACHABLE', 'Fault of the test: no watch.')
      return watch(...args)
    }
    await until(() => player.service.health().epoch > epoch)
    await compared(player)
    expect(state(player)).toMatchObject({ repairs: 0, resyncs: 1, state: 'READY' })
  })

  it('ends without a verdict when the watch does', async () => {
    const world = new World()
    for (let i = 0; i < 40; i++) world.commit({ key: makeKey('boxes', 'net', `b${i}`), put: '{"data":0}' })
    let listing = false
    const prepare = (line: Line): void => {
      const list = line.list.bind(line)
      Object.assign(line, { page: 1 })
      line.list = (...args) => {
        listing = true
        return list(...args)
      }
    }
    const player = await start(world, { prepare })
    for (let i = 0; i < 20; i++) {
      listing = false
      await until(() => listing)
      player.line.cut()
    }
    expect(state(player)).toMatchObject({ repairs: 0, resyncs: 0 })
  })

  it('leaves a store alone that cannot be listed, and goes on when it can', async () => {
    const world = new World()
    const player = await start(world)
    const list = player.line.list.bind(player.line)
    let refused = 0
    player.line.list = async (...args) => {
      if (refused++ < 5) throw Object.assign(new Error('no listing today'))
      return list(...args)
    }
    await compared(player)
    expect(refused).toBeGreaterThan(5)
    expect(state(player)).toMatchObject({ repairs: 0, resyncs: 0, state: 'READY' })
    expect(player.log.lines.filter(line => /comparison.*failed.*no listing today/.test(line))).toHaveLength(5)
  })

  it('is not made when it is not wanted', async () => {
    const world = new World()
    let listings = 0
    const prepare = (line: Line): void => {
      const list = line.list.bind(line)
      line.list = (...args) => {
        listings++
        return list(...args)
      }
    }
    const still = await start(world, { prepare, pace: { ...HURRIED, reconcile: 0 } })
    const before = listings
    await compared(await start(world, {}, 'two'))
    expect(listings).toBe(before)
    expect(rounds(still)).toBe(0)
  })
})
