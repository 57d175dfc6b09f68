import stringWidth from 'string-width'
import { describe, expect, it } from 'vitest'
import { cut, printTable } from '../../../../src/cli/terminal/table.ts'
import { createTerminal, sanitize } from '../../../../src/cli/terminal/terminal.ts'

const terminal = (out: { readonly isTTY?: boolean; readonly columns?: number }, env = {}) =>
  createTerminal({ write: () => {}, ...out }, env)
const PLAIN = terminal({})

describe('a table', () => {
  it('is aligned by what is seen, and ends no line with spaces', () => {
    expect(
      printTable(
        ['A', 'B'],
        [
          ['静か', '1'],
          ['é', ''],
          ['x', '22'],
        ],
        PLAIN,
      ),
    ).toBe('A     B\n静か  1\né\nx     22\n')
  })

  it('fits a terminal, and what may be cut is cut first', () => {
    const row = ['kytos/link_discovery', 'x'.repeat(50), '静'.repeat(30)]
    for (const columns of [40, 60, 80]) {
      const lines = printTable(
        ['A', { head: 'B', cut: true }, { head: 'C', cut: true }],
        [row],
        terminal({ isTTY: true, columns }, { NO_COLOR: '1' }),
      )
        .trimEnd()
        .split('\n')
      for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(columns)
      expect(lines[1]).toContain('kytos/link_discovery')
      expect(lines[1]).toContain('…')
    }
    const [, none = ''] = printTable(
      ['A', 'B'],
      [row.slice(1)],
      terminal({ isTTY: true, columns: 30 }, { NO_COLOR: '1' }),
    ).split('\n')
    expect([29, 30]).toContain(stringWidth(none))
    expect(printTable(['A', 'B', 'C'], [row], PLAIN)).toContain(row[2])
    expect(
      printTable(['A', { head: 'B', cut: true }], [['a', 'x'.repeat(9_000)]], PLAIN).length,
    ).toBeLessThan(1_100)
  })

  it('keeps the column that names a row, and cuts the heads of the others', () => {
    const columns = ['NApp', 'Revision', 'Version', 'Overrides', 'Schema', 'State']
    const row = ['kytos/link_discovery', '12', '3', 'yes', 'yes', 'ready']
    const lines = printTable(columns, [row], terminal({ isTTY: true, columns: 60 }, { NO_COLOR: '1' }))
      .trimEnd()
      .split('\n')
    for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(60)
    expect(lines[1]?.split(/ +/)).toEqual(row)
  })

  it('lets nothing through that steers a terminal', () => {
    expect(printTable(['A'], [['\x1b[2J\u009b\u202eevil\nline']], PLAIN)).toBe(
      'A\n\\u001b[2J\\u009b\\u202eevil line\n',
    )
    expect(sanitize('\x07\r\nok')).toBe('\\u0007 ok')
  })

  it('cuts between what people take for letters', () => {
    expect(cut('👩‍👩‍👧‍👦abc', 4)).toBe('👩‍👩‍👧‍👦a…')
    expect(cut('short', 5)).toBe('short')
  })
})

describe('style', () => {
  it.each([
    [{ isTTY: true }, {}, '\x1b[31mx\x1b[0m'],
    [{ isTTY: true }, { NO_COLOR: '1' }, 'x'],
    [{ isTTY: true }, { NO_COLOR: '' }, '\x1b[31mx\x1b[0m'],
    [{ isTTY: true }, { TERM: 'dumb' }, 'x'],
    [{}, {}, 'x'],
  ])('on %j with %j', (out, env, painted) => {
    expect(terminal(out, env).style('red', 'x')).toBe(painted)
  })
})
