import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CliStage, openCliStage } from './cli-stage.ts'
import { furnish, iniFor, kytos } from './moving-ground.ts'

const BOXES = 400

describe('long work in a terminal', () => {
  let stage: CliStage
  beforeAll(async () => {
    stage = await openCliStage('filesystem')
    await furnish(await iniFor(stage.cwd, 'a'), { namespaces: 3, boxes: BOXES })
    for (const name of ['b', 'c', 'd']) await iniFor(stage.cwd, name)
    expect((await kytos(stage.cwd, 'backup', 'archive', '-c', 'a.ini')).exit).toBe(0)
  })
  afterAll(() => stage.close())

  /** What was drawn of a bar, look by look, and what came after it. */
  async function looks(columns: number, ...args: readonly string[]): Promise<{ readonly drawn: readonly string[]; readonly after: string }> {
    const terminal = stage.terminal(args, {}, undefined, columns)
    expect(await terminal.ended, terminal.shown()).toBe(0)
    const [bar = '', ...after] = terminal.shown().split('\r\n')
    return { drawn: bar.split('\r').filter(look => look !== ''), after: after.join('\n') }
  }

  /** How many were done at each look. */
  const counts = (drawn: readonly string[]): readonly number[] => drawn.map(look => Number(/: (\d+) of/.exec(look)?.[1]))

  it.each([
    ['copied', ['copy', '--from', 'a.ini', '--to', 'b.ini']],
    ['restored', ['restore', 'archive', '-c', 'c.ini']],
  ])('shows how far it is and how fast, on one line, and then what was %s', async (what, args) => {
    const { drawn, after } = await looks(100, ...args)
    for (const look of drawn) expect(look).toMatch(new RegExp(`^\\[#*\\.*\\] ${what}: \\d+ of 4\\d\\d, \\d\\.\\d MiB, \\d+/s\\x1b\\[K$`))
    expect(counts(drawn)[0]).toBeLessThan(BOXES)
    expect(counts(drawn)).toEqual([...counts(drawn)].sort((a, b) => a - b))
    expect(drawn.at(-1)).toMatch(/^\[#{30}\] \w+: (4\d\d) of \1,/)
    expect(after).toMatch(/Compared and equal after/)
  })

  it('keeps to the line of a narrow one', async () => {
    const { drawn } = await looks(50, 'copy', '--from', 'a.ini', '--to', 'd.ini')
    expect(drawn.length).toBeGreaterThan(1)
    // Without what clears the rest of the line.
    for (const look of drawn) expect(look.slice(0, -3).length).toBeLessThan(50)
    expect(drawn.at(-1)).toMatch(/^\[#+\] copied: 4\d\d of 4/)
  })
})
