import { afterEach, describe, expect, it } from 'vitest'
import type { Facts } from '../../../events/map.ts'
import { SettingsError } from '../../../model/errors.ts'
import { NS, SCHEMA, setPolling } from '../service-stage.ts'
import { heard, isState, type Player, restored, startPlayer } from '../watcher/ensemble.ts'
import { World } from '../watcher/world.ts'

const players: Player[] = []
afterEach(async () => {
  await Promise.all(players.splice(0).map(player => player.close()))
})

async function start(world: World): Promise<Player> {
  const player = await startPlayer(world, 'one')
  players.push(player)
  return player
}

describe('while the store is away', () => {
  async function stale(): Promise<Player> {
    const player = await start(new World())
    await setPolling(5)(player)
    player.line.down = true
    player.line.cut()
    await heard(player, isState('STALE'))
    return player
  }

  it('reads are marked, writes are refused within 100 ms, and nothing is left of them', async () => {
    const player = await stale()
    const refused = { code: 'STORE_STALE', status: 503, retryable: true }
    const took: number[] = []
    // A process that gets no processor is slow once, one that waits is slow each time.
    for (let i = 0; i < 5; i++) {
      const began = performance.now()
      await Promise.all([
        expect(setPolling(6)(player)).rejects.toMatchObject(refused),
        expect(player.ask('kytos.settings.delete', { namespace: NS })).rejects.toMatchObject(refused),
        expect(player.ask('kytos.storehouse.create', { namespace: 'net', data: 1 })).rejects.toMatchObject(
          refused,
        ),
      ])
      took.push(performance.now() - began)
    }
    expect(Math.min(...took)).toBeLessThan(100)
    expect(await player.ask('kytos.settings.retrieve', { namespace: NS })).toMatchObject({
      state: 'STALE',
      data: { polling_time: 5 },
    })
    await restored(player)
    expect(await player.ask('kytos.settings.history', { namespace: NS })).toHaveLength(1)
  })

  it('a registration takes effect at once, and is stored and announced when it is back', async () => {
    const player = await stale()
    const answer = await player.ask('kytos.settings.register', {
      namespace: NS,
      schema: { ...SCHEMA, properties: { ...SCHEMA.properties, more: { default: true } } },
    })
    expect(answer).toMatchObject({ state: 'STALE', schema: true, data: { polling_time: 5, more: true } })
    expect(player.changes).toHaveLength(1)
    player.line.down = false
    const fact = await heard(player, ({ content }) => isSchemaChange(content))
    expect(fact.content).toMatchObject({
      kind: 'created',
      origin: 'live',
      previous: { polling_time: 5 },
      data: { polling_time: 5, more: true },
    })
    expect((await player.ask('kytos.settings.describe', { namespace: NS })).schema).toHaveProperty(
      'properties.more',
    )
  })

  it('a registration says which stored overrides it does not accept', async () => {
    const player = await start(new World())
    await setPolling(70)(player)
    player.line.down = true
    player.line.cut()
    await heard(player, isState('STALE'))
    await player.ask('kytos.settings.register', { namespace: NS, schema: SCHEMA })
    expect(await heard(player, ({ name }) => name === 'settings.rejected')).toMatchObject({
      content: {
        namespace: NS,
        source: 'settings/kytos/of_lldp',
        rejected: [{ pointer: '/polling_time', rule: 'maximum', counts: 3 }],
      },
    })
    expect((await player.ask('kytos.settings.retrieve', { namespace: NS })).data).toEqual({ polling_time: 3 })
  })

  it('a registered schema survives a store that was wiped, and is put into it again', async () => {
    const world = new World()
    const player = await start(world)
    await player.ask('kytos.settings.register', { namespace: NS, schema: SCHEMA })
    const { epoch } = player.service.health()
    // It is gone with the store, and comes back with a commit in the new one.
    world.rewind(100)
    await heard(
      player,
      ({ content }) => isSchemaChange(content) && content.origin === 'live' && content.epoch > epoch,
    )
    expect((await player.ask('kytos.settings.retrieve', { namespace: NS })).data).toEqual({ polling_time: 3 })
    expect(world.entries().filter(({ key }) => key.startsWith('schemas/'))).toHaveLength(1)
  })
})

describe('an answer', () => {
  it('is marked as not observed when the watch stays down after the commit', async () => {
    const player = await start(new World())
    const { line } = player
    const commit = line.commit.bind(line)
    line.commit = operations => {
      line.watch = () => {
        throw new SettingsError('STORE_UNREACHABLE', 'The watch is down.')
      }
      line.cut()
      return commit(operations)
    }
    expect(await setPolling(5)(player)).toMatchObject({
      observed: false,
      data: { polling_time: 5 },
      overrides: { polling_time: 5 },
      version: 1,
      state: 'STALE',
    })
    expect(player.changes).toEqual([])
  })
})

function isSchemaChange(content: unknown): content is Facts['settings.changed'] {
  return typeof content === 'object' && content !== null && 'scope' in content && content.scope === 'schema'
}
