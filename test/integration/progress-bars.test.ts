import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'
import { type CliStage, openCliStage } from './cli-stage.ts'
import { furnish, iniFor, kytos } from './moving-ground.ts'

const BOXES = 400

describe('long work in a terminal', () => {
  let stage: CliStage
  let etcd: EtcdServer
  beforeAll(async () => {
    etcd = await startEtcd()
    stage = await openCliStage('filesystem')
    await furnish(await iniFor(stage.cwd, 'a'), { namespaces: 3, boxes: BOXES })
    for (const name of ['b', 'c', 'd']) await iniFor(stage.cwd, name)
    for (const name of ['e', 'f']) await iniFor(stage.cwd, name, etcd)
    expect((await kytos(stage.cwd, 'backup', 'archive', '-c', 'a.ini')).exit).toBe(0)
  })
  afterAll(async () => {
    await stage.close()
    await etcd.stop()
  })

  /** What was drawn of a bar, look by look, and what came after it. */
  async function looks(
    columns: number,
    ...args: readonly string[]
  ): Promise<{ readonly drawn: readonly string[]; readonly after: string }> {
    const terminal = stage.terminal(args, {}, undefined, columns)
    expect(await terminal.ended, terminal.shown()).toBe(0)
    const lines = terminal.shown().split('\r\n')
    // A warning of the store may precede it.
    const bar = lines.findIndex(line => line.includes('\x1b[K'))
    return {
      drawn: (lines[bar] ?? '').split('\r').filter(look => look !== ''),
      after: lines.slice(bar + 1).join('\n'),
    }
  }

  /** How many were done at each look. */
  const counts = (drawn: readonly string[]): readonly number[] =>
    drawn.map(look => Number(/: (\d+) of/.exec(look)?.[1]))

  it.each([
    ['copied', 'b', ['copy', '--from', 'a.ini', '--to', 'b.ini']],
    ['copied', 'e', ['copy', '--from', 'a.ini', '--to', 'e.ini']],
    ['restored', 'c', ['restore', 'archive', '-c', 'c.ini']],
    ['restored', 'f', ['restore', 'archive', '-c', 'f.ini']],
  ])(
    'shows how far it is and how fast, on one line, and then what was %s into %s',
    async (what, _into, args) => {
      const { drawn, after } = await looks(100, ...args)
      for (const look of drawn)
        expect(look).toMatch(
          new RegExp(`^\\[#*\\.*\\] ${what}: \\d+ of 4\\d\\d, \\d\\.\\d MiB, \\d+/s\\x1b\\[K$`),
        )
      expect(counts(drawn)[0]).toBeLessThan(BOXES)
      expect(counts(drawn)).toEqual([...counts(drawn)].sort((a, b) => a - b))
      expect(drawn.at(-1)).toMatch(/^\[#{30}\] \w+: (4\d\d) of \1,/)
      expect(after).toMatch(/Verified as equal after/)
    },
  )

  it('keeps to the line of a narrow one', async () => {
    const { drawn } = await looks(50, 'copy', '--from', 'a.ini', '--to', 'd.ini')
    expect(drawn.length).toBeGreaterThan(1)
    // Without what clears the rest of the line.
    for (const look of drawn) expect(look.slice(0, -3).length).toBeLessThan(50)
    expect(drawn.at(-1)).toMatch(/^\[#+\] copied: 4\d\d of 4/)
  })
})
