import { Registry } from 'prom-client'
import { expect, it, onTestFinished } from 'vitest'
import { measureEventLoop } from '../../../src/metrics/event-loop.ts'
import { samples } from './samples.ts'

const DELAY = 'kytos_settings_event_loop_delay_seconds'

it('work that holds everything up shows in the delay, and nothing is looked at once it was stopped', async () => {
  const registry = new Registry()
  const stop = measureEventLoop(registry)
  onTestFinished(stop)
  const looks = async () => (await samples(registry))[`${DELAY}_count`] ?? 0
  await expect.poll(looks).toBeGreaterThan(0)
  const end = performance.now() + 400
  while (performance.now() < end);
  const before = await looks()
  await expect.poll(looks).toBeGreaterThan(before)
  const found = await samples(registry)
  // Held up for 400 ms, and looked at every 100.
  expect((found[`${DELAY}_count`] ?? 0) - (found[`${DELAY}_bucket{le="0.25"}`] ?? 0)).toBeGreaterThanOrEqual(
    1,
  )
  stop()
  const last = await looks()
  await new Promise(resolve => setTimeout(resolve, 250))
  expect(await looks()).toBe(last)
})
