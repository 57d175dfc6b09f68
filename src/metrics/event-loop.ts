import { Histogram, type Registry } from 'prom-client'

/** Milliseconds between two looks. */
const EVERY = 100
const BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Measures the delay of timers ten times a second, until the returned function is called. */
export function measureEventLoop(registry: Registry): () => void {
  const delay = new Histogram({
    name: 'kytos_settings_event_loop_delay_seconds',
    help: 'Delay of a timer of this process in seconds, measured ten times a second.',
    buckets: BUCKETS,
    registers: [registry],
  })
  let due = performance.now() + EVERY
  // A histogram of node's own would have to be reset at each scrape, and then misses what happens next.
  const timer = setInterval(() => {
    const now = performance.now()
    delay.observe(Math.max(0, now - due) / 1_000)
    due = now + EVERY
  }, EVERY)
  timer.unref()
  return () => clearInterval(timer)
}
