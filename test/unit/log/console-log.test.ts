import { describe, expect, it } from 'vitest'
import { createConsoleLog } from '../../../src/log/console-log.ts'

function terminal(isTTY: boolean) {
  const lines: string[] = []
  return { lines, isTTY, write: (text: string) => lines.push(text) }
}

describe('the console log', () => {
  it('writes time, level, name and message on one line', () => {
    const out = terminal(false)
    const log = createConsoleLog(out, 'host', {})
    log.info('up')
    log.child('kytos/x').warn('two\n  lines')
    expect(out.lines[0]).toMatch(/^\d\d:\d\d:\d\d INFO {2}host: up\n$/)
    expect(out.lines[1]).toMatch(/^\d\d:\d\d:\d\d WARN {2}kytos\/x: two \| lines\n$/)
  })

  it('is in colour on a terminal only, and not with NO_COLOR', () => {
    const [tty, quiet, pipe] = [terminal(true), terminal(true), terminal(false)]
    createConsoleLog(tty, 'host', {}).error('x')
    createConsoleLog(quiet, 'host', { NO_COLOR: '1' }).error('x')
    createConsoleLog(pipe, 'host', {}).error('x')
    expect(tty.lines.join()).toContain('\x1b[31m')
    expect(quiet.lines.join() + pipe.lines.join()).not.toContain('\x1b')
  })

  it('lets no message steer the terminal', () => {
    const out = terminal(false)
    createConsoleLog(out, 'host', {}).info('a\x1b[2Jb\rc')
    expect(out.lines[0]).toContain('a\\u001b[2Jb\\u000dc')
  })
})
