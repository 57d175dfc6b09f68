import { EventEmitter } from 'node:events'
import { expect, it } from 'vitest'
import { createJsonLog } from '../../../src/log/json-log.ts'
import { logProcessWarnings } from '../../../src/log/process-warnings.ts'

it('a warning of Node is a line of the JSON log, and not printed by Node', async () => {
  const lines: string[] = []
  const before = process.listeners('warning')
  const end = logProcessWarnings(createJsonLog({ write: line => lines.push(line) }, 'c1').child('node'))
  expect(process.listenerCount('warning')).toBe(1)
  const emitter = new EventEmitter()
  for (let i = 0; i < 11; i++) emitter.on('x', () => {})
  await expect.poll(() => lines, { timeout: 20_000 }).toHaveLength(1)
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    level: 'warn',
    name: 'node',
    msg: expect.stringContaining('MaxListenersExceededWarning: Possible EventEmitter memory leak'),
  })
  end()
  expect(process.listeners('warning')).toEqual(before)
})
