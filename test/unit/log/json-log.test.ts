import { describe, expect, it } from 'vitest'
import { createJsonLog } from '../../../src/log/json-log.ts'

function written() {
  const lines: string[] = []
  return {
    out: { write: (text: string) => lines.push(text) },
    lines,
    last: () => JSON.parse(lines.at(-1) ?? ''),
  }
}

describe('the log for machines', () => {
  it('is one JSON object a line: level, time, controller, name, fields, message', () => {
    const { out, lines, last } = written()
    const log = createJsonLog(out, 'controller-1')
    log.info('up')
    expect(Object.keys(last())).toEqual(['level', 'time', 'controller', 'name', 'msg'])
    expect(last()).toMatchObject({ level: 'info', controller: 'controller-1', name: 'host', msg: 'up' })
    expect(new Date(last().time).toISOString()).toBe(last().time)
    log
      .child('kytos/x')
      .child('kytos/y')
      .warn('two\nlines', { revision: '18446744073709551616', event_id: 'e', version: 3, by: null })
    expect(last()).toMatchObject({
      level: 'warn',
      name: 'kytos/y',
      msg: 'two\nlines',
      revision: '18446744073709551616',
      event_id: 'e',
      version: 3,
      by: null,
    })
    log.error('x')
    expect(lines).toHaveLength(3)
    for (const line of lines) expect(line).toMatch(/^\{[^\n]*\}\n$/)
    expect(lines[1]?.match(/"name"/g)).toHaveLength(1)
  })

  it('lets no message steer whoever prints it', () => {
    const { out, lines, last } = written()
    createJsonLog(out, 'c').info('a\x1b[2Jb\x9b2Jc\x7f %s %d')
    expect(lines.join('')).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/)
    expect(last().msg).toBe('a\x1b[2Jb\x9b2Jc\x7f %s %d')
  })
})
