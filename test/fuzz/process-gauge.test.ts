import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it, onTestFinished } from 'vitest'
import { forgetMostMemory, mostMemoryOf } from './process-gauge.ts'

/** Uses 300 MiB for a moment, then writes a line. */
const PEAK = `
process.stdin.once('data', () => {
  let used = Buffer.alloc(300 * 1_048_576, 1)
  used = undefined
  gc()
  console.log('done')
})
console.log('ready')
`

it('a peak of memory between two readings is seen, and a forgotten one is not', async () => {
  const child = spawn(process.execPath, ['--expose-gc', '-e', PEAK], { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const pid = child.pid ?? 0
  await once(child.stdout, 'data')
  const before = await mostMemoryOf(pid)
  child.stdin.write('go')
  await once(child.stdout, 'data')
  expect(await mostMemoryOf(pid)).toBeGreaterThan(before + 280)
  await forgetMostMemory(pid)
  expect(await mostMemoryOf(pid)).toBeLessThan(before + 100)
}, 60_000)
