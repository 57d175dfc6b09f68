import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { KytosEvent } from '../../../events/event.ts'
import { SettingsError } from '../../../model/errors.ts'
import { makeKey } from '../../../model/key.ts'
import { SnapshotFile } from '../../../src/watcher/snapshot.ts'
import { keepLog, openController } from '../../support/controller.ts'
import { NS, SCHEMA, setPolling } from '../service-stage.ts'
import {
  createPlayer,
  heard,
  isState,
  type Player,
  type PlayerOptions,
  startPlayer,
} from '../watcher/ensemble.ts'
import { World } from '../watcher/world.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kytos-service-'))
})
const players: Player[] = []
afterEach(async () => {
  await Promise.all(players.splice(0).map(player => player.close()))
  await rm(folder, { recursive: true })
})

const keep = (player: Player): Player => {
  players.push(player)
  return player
}
const create = (world: World, options?: PlayerOptions) => keep(createPlayer(world, 'one', options))
const start = async (world: World, options?: PlayerOptions) => keep(await startPlayer(world, 'one', options))
const snapshot = () => new SnapshotFile(join(folder, 'snapshot.json'), 'the store', keepLog())
const down = { prepare: (line: Player['line']) => Object.assign(line, { down: true }) }

/** A world in which a controller was, and has stopped in order. */
async function leftWorld(prepare: (player: Player) => Promise<unknown>): Promise<World> {
  const world = new World()
  const player = await startPlayer(world, 'one', { snapshot: snapshot() })
  await prepare(player)
  await player.close()
  return world
}

/** Makes the store answer each call with this. */
function refuseWith(player: Player, error: SettingsError): void {
  player.line.open = async () => {
    throw error
  }
}

describe('the snapshot of the service', () => {
  it('is written for the last time when it is closed, whatever the store reports at its own end', async () => {
    const player = await startPlayer(new World(), 'one', { snapshot: snapshot() })
    await setPolling(5)(player)
    await player.close()
    expect(await readdir(folder)).toEqual(['snapshot.json'])
    await rm(join(folder, 'snapshot.json'))
    player.service.report({
      code: 'FILE_REJECTED',
      key: makeKey('settings', 'kytos', 'a'),
      source: 'a.json',
      message: 'It is broken.',
    })
    await new Promise(resolve => setTimeout(resolve, 1_200))
    expect(await readdir(folder)).toEqual([])
  })
})

describe('the start of the service', () => {
  it('without store and snapshot gives up after its time, and says what it waited for', async () => {
    const player = create(new World(), { ...down, startTimeout: 30 })
    await expect(player.service.start()).rejects.toMatchObject({
      code: 'START_TIMEOUT',
      exit: 1,
      message: expect.stringMatching(/0\.03 s .*open was refused/),
    })
    expect(player.service.health()).toMatchObject({ state: 'OFFLINE', epoch: 0, revision: 0n })
  })

  it('waits for a store that is away, and is READY when it comes', async () => {
    const player = create(new World(), down)
    const starting = player.service.start()
    await heardInLog(player, /OFFLINE/)
    player.line.down = false
    await starting
    expect(player.service.health().state).toBe('READY')
  })

  it('from a snapshot answers as before, marked STALE, without the store', async () => {
    const world = await leftWorld(setPolling(5))
    const player = await start(world, { ...down, snapshot: snapshot() })
    const { state, revision, epoch } = player.service.health()
    expect({ state, revision, epoch: epoch > 0 }).toEqual({
      state: 'STALE',
      revision: world.revision,
      epoch: true,
    })
    expect(await player.ask('kytos.settings.retrieve', { namespace: NS })).toMatchObject({
      data: { polling_time: 5 },
      state: 'STALE',
      version: 1,
    })
    expect(await player.ask('kytos.settings.list', {})).toMatchObject([{ namespace: NS, state: 'STALE' }])
  })

  it('from a snapshot says as resync what happened since, and nothing else', async () => {
    const world = await leftWorld(async player => {
      await player.ask('kytos.storehouse.create', {
        namespace: 'net',
        box_id: 'same',
        data: 'a text that is longer than what stands for itself',
      })
      await setPolling(5)(player)
    })
    const player = await start(world, { ...down, snapshot: snapshot() })
    world.commit({ key: makeKey('boxes', 'net', 'new'), put: '{"data":1}' })
    player.line.down = false
    await heard(player, isState('READY'))
    expect(player.changes).toMatchObject([{ box_id: 'new', kind: 'created', origin: 'resync' }])
  })

  it('from a snapshot in which a value is rejected ignores it again', async () => {
    const world = await leftWorld(async player => {
      await setPolling(7)(player)
      await setPolling(70)(player)
      await player.ask('kytos.settings.register', { namespace: NS, schema: SCHEMA })
      expect((await player.ask('kytos.settings.retrieve', { namespace: NS })).data).toEqual({
        polling_time: 3,
      })
    })
    const player = await start(world, { ...down, snapshot: snapshot() })
    expect((await player.ask('kytos.settings.retrieve', { namespace: NS })).data).toEqual({ polling_time: 3 })
    player.line.down = false
    await heard(player, isState('READY'))
    expect((await player.ask('kytos.settings.retrieve', { namespace: NS })).data).toEqual({ polling_time: 3 })
    expect(player.changes).toEqual([])
  })

  it('of a wrong store fails at once, snapshot or not', async () => {
    const world = await leftWorld(setPolling(5))
    for (const one of [undefined, snapshot()]) {
      const fatal: Error[] = []
      const player = create(world, {
        startTimeout: 60_000,
        fatal: error => fatal.push(error),
        ...(one ? { snapshot: one } : {}),
      })
      refuseWith(player, new SettingsError('STORE_REFUSED', 'The password is wrong.'))
      await expect(player.service.start()).rejects.toMatchObject({
        code: 'STORE_REFUSED',
        message: 'The password is wrong.',
      })
      expect(fatal).toHaveLength(1)
    }
  })

  it('tells of a wrong store also when it comes after a start from a snapshot', async () => {
    const world = await leftWorld(setPolling(5))
    const told = new Promise<Error>(fatal => {
      const player = create(world, { ...down, snapshot: snapshot(), fatal })
      player.service.start().then(() => refuseWith(player, new SettingsError('STORE_FORMAT', 'A newer one.')))
    })
    expect(await told).toMatchObject({ code: 'STORE_FORMAT' })
  })

  it('that is stopped in the middle ends with SERVICE_STOPPING', async () => {
    const player = create(new World(), { ...down, startTimeout: 60_000 })
    const starting = player.service.start()
    await Promise.all([expect(starting).rejects.toMatchObject({ code: 'SERVICE_STOPPING' }), player.close()])
  })

  it('that is stopped before it began ends so too', async () => {
    const player = create(new World(), { startTimeout: 60_000 })
    await player.close()
    await expect(player.service.start()).rejects.toMatchObject({ code: 'SERVICE_STOPPING' })
  })
})

describe('closing', () => {
  it('ends waiting commands at once', async () => {
    const player = await start(new World())
    player.line.down = true
    player.line.cut()
    await heard(player, isState('STALE'))
    const writing = setPolling(5)(player)
    const began = performance.now()
    await Promise.all([expect(writing).rejects.toMatchObject({ code: 'STORE_STALE' }), player.close()])
    expect(performance.now() - began).toBeLessThan(1_000)
  })

  it('keeps what is known for the next start, also after changes a moment ago', async () => {
    const world = await leftWorld(async player => {
      for (let i = 1; i <= 9; i++) await setPolling(i)(player)
    })
    expect((await snapshot().read())?.batch.revision).toBe(world.revision)
  })

  it('twice is as good as once', async () => {
    const player = await start(new World())
    await Promise.all([player.close(), player.close()])
    await player.close()
  })
})

async function heardInLog(player: Player, what: RegExp): Promise<void> {
  for (let i = 0; i < 500 && !player.log.lines.some(line => what.test(line)); i++)
    await new Promise(resolve => setImmediate(resolve))
  expect(player.log.lines).toContainEqual(expect.stringMatching(what))
}

describe('the snapshot of a reader', () => {
  it('is what the facts have told, so that the next one goes on from it, also after a registration that is no fact', async () => {
    const { service, ask, close } = await openController()
    onTestFinished(close)
    const schema = (n: number) => ({ type: 'object', properties: { n: { type: 'integer', default: n } } })
    for (const n of [1, 2, 1])
      await ask('kytos.settings.register', { namespace: 'kytos/a', schema: schema(n) })
    const heard: KytosEvent[] = []
    service.feed.follow('0', event => heard.push(event))
    await ask('kytos.settings.update', { namespace: 'kytos/a', data: { own: true } })
    const [snapshot, next] = heard.map(({ content }) => Object(content))
    expect(next.previous).toEqual(snapshot.namespaces['kytos/a'].data)
    expect(next.data).toEqual({ n: 1, own: true })
  })
})
