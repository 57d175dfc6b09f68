import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Facts } from '../../../events/map.ts'
import { makeKey } from '../../../model/key.ts'
import { Readiness, type ReadinessOptions } from '../../../src/watcher/readiness.ts'
import { SnapshotFile } from '../../../src/watcher/snapshot.ts'
import { keepLog } from '../../support/controller.ts'
import {
  createPlayer,
  heard,
  isState,
  type Player,
  type PlayerOptions,
  restored,
  startPlayer,
} from './ensemble.ts'
import { World } from './world.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kytos-standing-'))
})
const players: Player[] = []
afterEach(async () => {
  await Promise.all(players.splice(0).map(player => player.close()))
  await rm(folder, { recursive: true })
})

async function start(world: World, options?: PlayerOptions): Promise<Player> {
  const player = await startPlayer(world, 'one', options)
  players.push(player)
  return player
}

function stand(options: Partial<ReadinessOptions> = {}) {
  const said: Facts['settings.state'][] = []
  const standing = new Readiness({
    position: () => ({ epoch: 1, revision: 2n }),
    announce: fact => `event ${said.push(fact)}`,
    log: keepLog(),
    remote: true,
    ...options,
  })
  return { standing, said }
}

/** Lets so many milliseconds pass, which is what an age is about. */
async function pass(ms: number): Promise<void> {
  const until = performance.now() + ms
  while (performance.now() < until) await new Promise(resolve => setImmediate(resolve))
}

const states = ({ said }: Player) =>
  said
    .filter(({ name }) => name === 'settings.state')
    .map(({ content }) => content as Facts['settings.state'])

describe('the age', () => {
  it('is null as long as there is nothing, and 0 where the state begins', () => {
    const { standing, said } = stand()
    expect(standing.health.age).toBeNull()
    standing.setState('OFFLINE', 'away')
    standing.setState('READY', null)
    expect(standing.health.age).toBeLessThan(0.1)
    expect(said.map(({ state, age }) => [state, age !== null && age < 0.1])).toEqual([['READY', true]])
  })

  it('counts from the last sign of life of a line, and each sign begins it anew', async () => {
    const { standing, said } = stand()
    standing.setState('READY', null)
    await pass(30)
    expect(standing.health.age).toBeGreaterThanOrEqual(0.03)
    standing.markFresh()
    expect(standing.health.age).toBeLessThan(0.03)
    await pass(30)
    standing.setState('STALE', 'cut')
    expect(said.at(-1)).toMatchObject({ state: 'STALE', reason: 'cut', revision: '2', epoch: 1 })
    expect(said.at(-1)?.age).toBeGreaterThanOrEqual(0.03)
  })

  it('of a store in this process is 0 while it is followed, and counts from when that ended', async () => {
    const { standing, said } = stand({ remote: false })
    standing.setState('READY', null)
    await pass(30)
    expect(standing.health.age).toBe(0)
    standing.setState('STALE', 'lost')
    expect(said.at(-1)?.age).toBeLessThan(0.03)
    await pass(30)
    expect(standing.health.age).toBeGreaterThanOrEqual(0.03)
  })

  it('of a snapshot counts from when that was good', () => {
    const { standing } = stand()
    standing.markFresh(60_000)
    standing.setState('STALE', 'not reached yet')
    expect(standing.health.age).toBeGreaterThanOrEqual(60)
    expect(standing.health.age).toBeLessThan(61)
  })
})

describe('a controller', () => {
  it('says its age with every state, and in its health', async () => {
    const player = await start(new World())
    await pass(20)
    player.line.down = true
    player.line.cut()
    await heard(player, isState('STALE'))
    await pass(20)
    expect(player.service.health().age).toBeGreaterThan(0.02)
    await restored(player)
    expect(states(player).map(({ state }) => state)).toEqual(['READY', 'STALE', 'READY'])
    const [first, stale, again] = states(player).map(({ age }) => age ?? Number.NaN)
    expect(first).toBeLessThan(0.02)
    expect(stale).toBeGreaterThanOrEqual(0.02)
    expect(again).toBeLessThan(0.02)
  })

  it('that starts while the store is away is as old as what it knows, over a restart and one more', async () => {
    const world = new World()
    const file = join(folder, 'snapshot.json')
    const options = () => ({ snapshot: new SnapshotFile(file, 'the store', keepLog()) })
    const first = await startPlayer(world, 'one', options())
    await first.ask('kytos.settings.update', { namespace: 'kytos/a', data: {} })
    await first.close()
    const closed = Date.now()
    await pass(50)
    const down: PlayerOptions = { prepare: line => Object.assign(line, { down: true }) }
    const second = await startPlayer(world, 'one', { ...options(), ...down })
    expect(second.service.health()).toMatchObject({ state: 'STALE' })
    expect(second.service.health().age).toBeGreaterThanOrEqual(0.045)
    await second.close()
    const third = await start(world, { ...options(), ...down })
    expect(third.service.health().age).toBeGreaterThanOrEqual((Date.now() - closed) / 1_000 - 0.01)
    await restored(third)
    expect(third.service.health()).toMatchObject({ state: 'READY', repairs: 0 })
  })

  it('counts each listing after the first state', async () => {
    const world = new World()
    const player = await start(world)
    expect(player.service.health().resyncs).toBe(0)
    for (const times of [1, 2]) {
      player.line.down = true
      player.line.cut()
      await heard(player, isState('STALE'))
      // All steps but the newest are gone.
      for (const v of [1, 2, 3])
        world.commit({ key: makeKey('boxes', 'net', 'b'), put: `{"data":${times}${v}}` })
      world.store.forget()
      await restored(player)
      expect(player.service.health().resyncs).toBe(times)
    }
  })

  it('is never READY before it has caught up', async () => {
    const world = new World()
    const behind: string[] = []
    const player = createPlayer(world, 'one', {
      onSaid: ({ name, content }, { service, line }) => {
        if (name !== 'settings.state' || (content as Facts['settings.state']).state !== 'READY') return
        const [here, there] = [service.health().revision, line.watched?.revision ?? 0n]
        if (here < there) behind.push(`READY at ${here}, the watch was made at ${there}`)
      },
    })
    players.push(player)
    await player.service.start()
    for (let i = 0; i < 20; i++) {
      player.line.cut()
      for (let v = 0; v < 10; v++)
        world.commit({ key: makeKey('boxes', 'net', `b${v}`), put: `{"data":${i}}` })
      const before = player.said.length
      await heard(player, event => isState('READY')(event) && player.said.indexOf(event) >= before)
    }
    expect(behind).toEqual([])
  })
})
