import { Histogram, type Registry } from 'prom-client'

/** Milliseconds between two measurements. */
const INTERVAL_MS = 100
const BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Measures the delay of timers ten times a second, until the returned function is called. */
export function measureEventLoop(registry: Registry): () => void {
  const delay = new Histogram({
    name: 'kytos_settings_event_loop_delay_seconds',
    help: 'Delay of a timer of this process in seconds, measured ten times a second.',
    buckets: BUCKETS,
    registers: [registry],
  })
  let due = performance.now() + INTERVAL_MS
  // The histogram of Node would have to be reset at each scrape and would miss later delays.
  const timer = setInterval(() => {
    const now = performance.now()
    delay.observe(Math.max(0, now - due) / 1_000)
    due = now + INTERVAL_MS
  }, INTERVAL_MS)
  timer.unref()
  return () => clearInterval(timer)
}
