import { describe, expect, it } from 'vitest'
import { openEtcdStage } from './etcd/stage.ts'
import { openFilesystemStage } from './filesystem/stage.ts'
import type { Random } from './random.ts'
import { playRound, type Round, RoundFailed } from './round.ts'
import { saveRecord } from './save-record.ts'
import type { Stage } from './stage.ts'

/** Another one looks further: CHAOS_SEED=$RANDOM npm test -- test/chaos/rounds */
const SEED = Number(process.env.CHAOS_SEED ?? 20_261_122)
const SECONDS = 6
/** Longer than the limits of the steps of a round, which name what hangs. */
const LONGEST = 600_000

/**
 * The kinds on which the mutants are found, so that nothing is found without one; `npm run chaos` plays all
 * of them, and longer.
 */
const ROUNDS: readonly (readonly [name: string, open: (random: Random) => Promise<Stage>])[] = [
  ['an etcd behind lines that break', random => openEtcdStage({ kind: 'lines', random })],
  ['an etcd that forgets', random => openEtcdStage({ kind: 'forgets', random })],
  ['a folder whose controller is killed', random => openFilesystemStage({ kind: 'kills', random })],
  ['a folder on a machine that loses power', random => openFilesystemStage({ kind: 'power', random })],
]

describe('A round on', () => {
  it.each(ROUNDS)('%s loses, doubles and reorders nothing', { timeout: LONGEST }, async (_, open) => {
    const { verdict, seed, history } = await play(open)
    const { lost, doubled, reordered, repairs, violations, acked, facts } = verdict
    const wrong = lost + doubled + reordered + repairs + violations.length > 0
    // Written out in full: a diff shortens what it prints, and the next run is another one.
    const message = wrong
      ? `${violations.join('\n')}\nThe recorded history: ${await saveRecord('history', history)}`
      : ''
    expect({ seed, lost, doubled, reordered, repairs, violations }, message).toEqual({
      seed: SEED,
      lost: 0,
      doubled: 0,
      reordered: 0,
      repairs: 0,
      violations: [],
    })
    expect(Math.min(acked, facts)).toBeGreaterThan(0)
  })
})

/** @throws Error with the path of what was recorded until the round failed. */
async function play(open: (random: Random) => Promise<Stage>): Promise<Round> {
  try {
    return await playRound({ open, seed: SEED, seconds: SECONDS })
  } catch (error) {
    if (!(error instanceof RoundFailed)) throw error
    throw new Error(
      `${error.message}\nWhat was seen until then: ${await saveRecord('round-so-far', error.seen)}`,
      { cause: error },
    )
  }
}
