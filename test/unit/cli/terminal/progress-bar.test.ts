import { describe, expect, it } from 'vitest'
import { createProgressBar } from '../../../../src/cli/terminal/progress-bar.ts'

function shown(isTTY: boolean, times: readonly (readonly [now: number, done: number])[]): string {
  let [text, now] = ['', 0]
  const progress = createProgressBar(
    { isTTY, write: (piece: string) => (text += piece) },
    'copied',
    () => now,
  )
  for (const [time, done] of times) {
    now = time
    progress.show(done, 1_000, done * 1_048_576)
  }
  progress.end()
  return text
}

describe('how far it is', () => {
  it('is a bar with the rate on a terminal, drawn anew and left whole', () => {
    const text = shown(true, [
      [0, 0],
      [50, 10],
      [200, 100],
      [1_000, 1_000],
    ])
    expect(text.split('\r').slice(1)).toEqual([
      '[..............................] copied: 0 of 1000, 0.0 MiB, 0/s\x1b[K',
      '[###...........................] copied: 100 of 1000, 100.0 MiB, 500/s\x1b[K',
      '[##############################] copied: 1000 of 1000, 1000.0 MiB, 1000/s\x1b[K\n',
    ])
  })

  it('is a line now and then anywhere else, and nothing for what is done at once', () => {
    expect(
      shown(false, [
        [0, 0],
        [100, 1_000],
      ]),
    ).toBe('')
    expect(
      shown(false, [
        [0, 0],
        [4_000, 10],
        [5_000, 20],
        [6_000, 30],
        [11_000, 40],
      ]),
    ).toBe('copied: 20 of 1000, 20.0 MiB, 4/s\ncopied: 40 of 1000, 40.0 MiB, 4/s\n')
  })
})
