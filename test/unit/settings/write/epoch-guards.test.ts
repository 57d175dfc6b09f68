import { describe, expect, it } from 'vitest'
import type { Settings } from '../../../../events/nouns.ts'
import { expectedRevisionOf } from '../../../../model/expected-revision.ts'
import { type Player, startPlayer } from '../../watcher/ensemble.ts'
import { World } from '../../watcher/world.ts'

const NS = 'kytos/of_lldp'
const MISMATCH = { code: 'REVISION_MISMATCH' }
/** The commits before the one that is guarded; the restored store does not have them. */
const COMMITS = 6

/** A controller on a store that is put back once and then reaches the same revision again. */
async function withRepeatedRevision<Answer extends { readonly revision: string; readonly epoch: number }>(
  write: (player: Player, n: number) => Promise<Answer>,
  work: (player: Player, before: Answer, after: Answer) => Promise<void>,
): Promise<void> {
  const world = new World()
  const player = await startPlayer(world, 'c1')
  try {
    for (let n = 0; n < COMMITS; n++) await write(player, n)
    const before = await write(player, COMMITS)
    world.rewind(COMMITS + 1)
    await expect.poll(() => player.service.health().epoch, { timeout: 20_000 }).toBeGreaterThan(before.epoch)
    await expect.poll(() => player.service.health().state, { timeout: 20_000 }).toBe('READY')
    let after = await write(player, 100)
    for (let n = 101; BigInt(after.revision) < BigInt(before.revision); n++) after = await write(player, n)
    expect(after.revision).toBe(before.revision)
    await work(player, before, after)
  } finally {
    await player.close()
  }
}

describe('an expected revision with an epoch', () => {
  it('is not fulfilled by another store that is at the same revision, whichever command carries it', async () => {
    const write = (player: Player, n: number): Promise<Settings> =>
      player.ask('kytos.settings.update', { namespace: NS, data: { n } })
    await withRepeatedRevision(write, async (player, before, after) => {
      const revision = expectedRevisionOf(before)
      const change = { namespace: NS, data: { n: -1 }, revision }
      await expect(player.ask('kytos.settings.update', change)).rejects.toMatchObject({
        ...MISMATCH,
        details: { got: revision, expected: expectedRevisionOf(after) },
      })
      await expect(player.ask('kytos.settings.transaction', { operations: [change] })).rejects.toMatchObject(
        MISMATCH,
      )
      await expect(player.ask('kytos.settings.update', { ...change, dry_run: true })).rejects.toMatchObject(
        MISMATCH,
      )
      await expect(player.ask('kytos.settings.delete', { namespace: NS, revision })).rejects.toMatchObject(
        MISMATCH,
      )
      const guarded = { ...change, revision: expectedRevisionOf(after) }
      const next = await player.ask('kytos.settings.update', guarded)
      await player.ask('kytos.settings.delete', { namespace: NS, revision: next.revision })
    })
  })

  it('guards boxes alike', async () => {
    const box = { namespace: 'ns', box_id: 'b' }
    const write = (player: Player, n: number) =>
      player
        .ask('kytos.storehouse.update', { ...box, data: n, method: 'PUT' })
        .catch(() => player.ask('kytos.storehouse.create', { ...box, data: n }))
    await withRepeatedRevision(write, async (player, before, after) => {
      const change = { ...box, data: -1, method: 'PUT' } as const
      await expect(
        player.ask('kytos.storehouse.update', { ...change, revision: expectedRevisionOf(before) }),
      ).rejects.toMatchObject(MISMATCH)
      await player.ask('kytos.storehouse.update', { ...change, revision: expectedRevisionOf(after) })
    })
  })

  it('is not fulfilled by a store that was replaced and is not noticed yet', async () => {
    const world = new World()
    const player = await startPlayer(world, 'c1', {
      pace: { pauses: [50, 50], confirmation: 50, reconcile: 0 },
    })
    try {
      const before = await player.ask('kytos.settings.update', { namespace: NS, data: { n: 1 } })
      world.rewind(1)
      await expect(
        player.ask('kytos.settings.update', {
          namespace: NS,
          data: { n: 2 },
          revision: expectedRevisionOf(before),
        }),
      ).rejects.toMatchObject({ code: expect.stringMatching(/REVISION_MISMATCH|STORE_STALE/) })
    } finally {
      await player.close()
    }
  })

  it.each(['1.', '.1', '1.2.3', '01', '1.02', '-1', '9007199254740993.1', '1 ', '1e3', ''])(
    'is no other text: %j',
    async revision => {
      const player = await startPlayer(new World(), 'c1')
      try {
        await expect(
          player.ask('kytos.settings.update', { namespace: NS, data: {}, revision }),
        ).rejects.toMatchObject({ code: 'CONTENT_MALFORMED' })
      } finally {
        await player.close()
      }
    },
  )
})
