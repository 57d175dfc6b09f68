import { expect, it } from 'vitest'
import { readBoxPickle } from '../../../src/import/box-pickle.ts'
import { readPickle } from '../../../src/import/pickle/machine.ts'

const text = (line: string): Buffer => Buffer.from(`V${line}\n.`, 'latin1')
const read = (line: string) => readPickle(text(line))

it('a text of backslashes is read in time that grows with its length alone', () => {
  for (const line of ['\\'.repeat(1_000_000), '\\\\u'.repeat(300_000), `${'\\'.repeat(999_999)}u0041`]) {
    const before = process.cpuUsage()
    expect(readBoxPickle(text(line))).toEqual({ refused: 'it contains a str, not a box' })
    const { user, system } = process.cpuUsage(before)
    expect((user + system) / 1e6).toBeLessThan(2)
  }
})

it('backslashes are those that Python has', () => {
  for (const [line, value] of [
    ['\\u0041', 'A'],
    ['\\\\u0041', '\\\\u0041'],
    ['\\\\\\u0041', '\\\\A'],
    ['\\U0001f600x', '\u{1f600}x'],
    ['\\\\', '\\\\'],
    ['a\\b\\u00', 'a\\b\\u00'],
    ['\\u0041\\u0042\\\\u0043', 'AB\\\\u0043'],
  ] as const)
    expect(read(line)).toEqual({ type: 'str', value })
})
