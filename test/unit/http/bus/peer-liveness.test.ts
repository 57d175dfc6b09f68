import { expect, it } from 'vitest'
import { PeerLiveness } from '../../../../src/http/bus/peer-liveness.ts'

/**
 * Beats of which the first finds the line new: what waits for the peer and has come of it then, and whether
 * it counts as silent.
 */
function silences(...beats: readonly (readonly [unsent: number, received: number])[]): readonly boolean[] {
  const signs = new PeerLiveness()
  return beats.map(beat => signs.isSilent(...beat))
}

it.each([
  ['has just come', [[0, 0]], [false]],
  [
    'gives none and is sent nothing',
    [
      [0, 0],
      [0, 0],
    ],
    [false, true],
  ],
  [
    'takes something of what waits for it',
    [
      [9, 0],
      [5, 0],
      [5, 0],
    ],
    [false, false, true],
  ],
  [
    'sends a large message and takes all it is sent',
    [
      [0, 0],
      [0, 1],
      [0, 2],
      [0, 2],
    ],
    [false, false, false, true],
  ],
  [
    'sends without end and takes nothing',
    [
      [0, 0],
      [5, 1],
      [9, 2],
    ],
    [false, true, true],
  ],
] as const)('A peer that %s is told from one that is gone', (_what, beats, silent) => {
  expect(silences(...beats)).toEqual(silent)
})

it('A peer that has answered is there until the beat after the next', () => {
  const signs = new PeerLiveness()
  signs.isSilent(0, 0)
  signs.recordSign()
  expect([signs.isSilent(0, 0), signs.isSilent(0, 0)]).toEqual([false, true])
})
