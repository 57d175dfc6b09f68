import { afterEach, describe, expect, it } from 'vitest'
import { createMemoryBackend, createMemoryStore } from '../../../backends/memory/index.ts'
import { SettingsError } from '../../../model/errors.ts'
import { makeKey } from '../../../model/key.ts'
import { claimEpoch, META_KEY, readEpoch } from '../../../src/watcher/epoch.ts'
import { openController } from '../../support/controller.ts'
import { createPlayer, heard, isState, type Player, startPlayer } from './ensemble.ts'
import { World } from './world.ts'

const players: Player[] = []
afterEach(async () => {
  await Promise.all(players.splice(0).map(player => player.close()))
})

const meta = (text: string) => ({ key: META_KEY, text, modRevision: 1n, createRevision: 1n })

describe('meta/store', () => {
  it('names the epoch; a store without it has none yet', () => {
    expect(readEpoch(meta('{"format":1,"epoch":1795379390647}'))).toBe(1795379390647)
    expect(readEpoch(undefined)).toBe(0)
  })

  it('of a newer release is refused, with what to do', () => {
    expect(() => readEpoch(meta('{"format":2,"epoch":1}'))).toThrow(
      /format 2; this release reads formats up to 1\. Update/,
    )
  })

  it('of another hand is refused, whatever it holds', () => {
    for (const text of [
      '',
      'x',
      '{}',
      '[]',
      '{"format":1}',
      '{"format":1,"epoch":0}',
      '{"format":1,"epoch":1.5}',
      '{"format":"1","epoch":5}',
      '{"format":1,"epoch":99999999999999999}',
    ]) {
      expect(() => readEpoch(meta(text))).toThrow(expect.objectContaining({ code: 'STORE_FORMAT' }))
    }
  })
})

describe('an epoch is claimed', () => {
  it('above all that are known, also those of a clock that runs ahead', async () => {
    const store = createMemoryStore()
    const backend = createMemoryBackend(undefined, store)
    await backend.open()
    const ahead = Date.now() + 1e9
    await claimEpoch(backend, undefined, ahead)
    expect(readEpoch(store.get(META_KEY))).toBe(ahead + 1)
  })

  it.each([true, false])(
    'again after a fresh reading, when the answer to the first claim at start was lost (applied: %s)',
    async applied => {
      const store = createMemoryStore()
      const backend = createMemoryBackend(undefined, store)
      const { commit } = backend
      let lost = 1
      Object.assign(backend, {
        commit: async (...given: Parameters<typeof commit>) => {
          if (lost-- <= 0) return commit.apply(backend, given)
          if (applied) await commit.apply(backend, given)
          throw new SettingsError('OUTCOME_UNKNOWN', 'The answer was lost.')
        },
      })
      const controller = await openController({ backend: () => backend })
      expect(controller.service.health()).toMatchObject({
        state: 'READY',
        epoch: readEpoch(store.get(META_KEY)),
      })
      expect(store.revision).toBe(1n)
      await controller.close()
    },
  )

  it('by one of two that come at once; the other one goes on in it', async () => {
    const store = createMemoryStore()
    const backend = createMemoryBackend(undefined, store)
    await backend.open()
    await Promise.all([claimEpoch(backend, undefined, 0), claimEpoch(backend, undefined, 5e12)])
    expect(store.revision).toBe(1n)

    const world = new World()
    const both = ['one', 'two'].map(id => createPlayer(world, id))
    players.push(...both)
    await Promise.all(both.map(player => player.service.start()))
    const [one, two] = both.map(player => player.service.health().epoch)
    expect(one).toBe(two)
    expect(world.revision).toBe(1n)
  })

  it('once by all controllers of a store that went back', async () => {
    const world = new World()
    for (const id of ['one', 'two', 'three']) players.push(await startPlayer(world, id))
    await players[0]?.ask('kytos.settings.update', { namespace: 'kytos/a', data: { a: 1 } })
    const epoch = players[0]?.service.health().epoch ?? 0
    world.rewind(100)
    await Promise.all(
      players.map(player =>
        heard(
          player,
          ({ content }) =>
            (content as { epoch?: number }).epoch !== undefined &&
            Number((content as { epoch?: number }).epoch) > epoch,
        ),
      ),
    )
    await Promise.all(
      players.map(player =>
        player.ask('kytos.settings.retrieve', { namespace: 'kytos/a', fresh: true }).catch(() => {}),
      ),
    )
    expect(new Set(players.map(player => player.service.health().epoch)).size).toBe(1)
    for (const { changes } of players)
      expect(changes.at(-1)).toMatchObject({
        namespace: 'kytos/a',
        kind: 'deleted',
        data: {},
        previous: { a: 1 },
        origin: 'resync',
      })
  })
})

describe('a store that is being filled', () => {
  it('is waited for by a controller that starts', async () => {
    const world = new World()
    world.commit({ key: META_KEY, put: '{"format":1,"filling":{"from":"x","at":"t","epoch":5}}' })
    const player = createPlayer(world, 'one', { startTimeout: 20_000 })
    players.push(player)
    const started = player.service.start()
    await expect
      .poll(() => player.service.health().reason, { timeout: 15_000 })
      .toMatch(/a copy from x started at t/)
    world.commit({ key: META_KEY, put: '{"format":1,"epoch":6}' })
    await started
    expect(player.service.health()).toMatchObject({ state: 'READY', epoch: 6 })
  })
})

describe('a wrong store', () => {
  it('of a newer format ends the start at once, and is told as fatal', async () => {
    const world = new World()
    world.commit({ key: META_KEY, put: '{"format":2,"epoch":7}' })
    const fatal: Error[] = []
    const player = createPlayer(world, 'one', { startTimeout: 60_000, fatal: error => fatal.push(error) })
    players.push(player)
    await expect(player.service.start()).rejects.toMatchObject({ code: 'STORE_FORMAT', exit: 1 })
    expect(fatal).toMatchObject([{ code: 'STORE_FORMAT' }])
  })

  it('that became one while it was in use leaves the last known settings, and is tried on', async () => {
    const world = new World()
    const player = await startPlayer(world, 'one')
    players.push(player)
    await player.ask('kytos.settings.update', { namespace: 'kytos/a', data: { a: 1 } })
    world.commit({ key: META_KEY, put: '{"format":2,"epoch":7}' })
    await heard(player, isState('STALE'))
    expect(await player.ask('kytos.settings.retrieve', { namespace: 'kytos/a' })).toMatchObject({
      data: { a: 1 },
      state: 'STALE',
    })
    expect(player.service.health().reason).toMatch(/format 2/)
  })

  it('is not one whose keys are only unknown', async () => {
    const world = new World()
    world.commit({ key: makeKey('settings', 'a', 'b', 'c', 'd'), put: '\u0000' })
    players.push(await startPlayer(world, 'one'))
    expect(players[0]?.service.health().state).toBe('READY')
    expect(new SettingsError('STORE_FORMAT', '').exit).toBe(1)
  })
})
