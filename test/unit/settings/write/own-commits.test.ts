import { afterEach, expect, it } from 'vitest'
import { printJson } from '../../../../model/json.ts'
import { historyKey, makeKey } from '../../../../model/key.ts'
import { HURRIED, type Player, startPlayer } from '../../watcher/ensemble.ts'
import { World } from '../../watcher/world.ts'

const FOO = makeKey('settings', 'kytos', 'foo')

const players: Player[] = []
afterEach(async () => {
  await Promise.all(players.splice(0).map(player => player.close()))
})

/** A document and its record, as another controller commits them. */
function written(version: number, data: { readonly [key: string]: number }, writeId: string) {
  const by = { actor: { type: 'user', name: 'other' }, controller: 'two', comment: null, at: '' }
  const record = { version, kind: 'updated', data, ...by, write_id: writeId }
  return [
    { key: FOO, put: printJson(data) },
    { key: historyKey(FOO, version), put: printJson(record) },
  ]
}

it.each([
  ['the same version', [2]],
  ['a later version', [2, 3]],
])(
  'An answer carries what its caller set while the cache is that of another store with %s',
  async (_, versions) => {
    const world = new World()
    const player = await startPlayer(world, 'one', { pace: { ...HURRIED, reconcile: 0 } })
    players.push(player)
    world.commit(...written(1, { a: 1 }, 'first'))
    await expect.poll(() => player.service.health().revision, { timeout: 15_000 }).toBe(world.revision)

    // The store is put back and goes on, while the watch of this controller stays on the store that was.
    const old = world.store
    player.line.cut = () => {}
    world.rewind(1)
    world.commit(...written(1, { b: 1 }, 'restored'))
    const commit = player.line.commit.bind(player.line)
    player.line.commit = async operations => {
      const outcome = await commit(operations)
      if (!outcome.committed) return outcome
      for (const version of versions) old.commit(written(version, { a: version }, `old ${version}`))
      while (old.revision < outcome.revision)
        old.commit([{ key: makeKey('presence', 'x', '1'), put: `${old.revision}` }])
      await expect.poll(() => player.service.health().revision, { timeout: 15_000 }).toBe(old.revision)
      return outcome
    }
    const answer = await player.ask('kytos.settings.update', { namespace: 'kytos/foo', data: { set: 9 } })
    expect(answer).toMatchObject({ overrides: { b: 1, set: 9 }, data: { b: 1, set: 9 }, version: 2 })
    expect(answer.observed).toBe(false)
  },
)
