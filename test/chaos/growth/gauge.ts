import { readdirSync } from 'node:fs'
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'

/** What a process holds, once everything that nobody needs has been collected. */
export interface Reading {
  /** Bytes of live objects. */
  readonly heap: number
  /** Bytes of buffers, which live outside the heap. */
  readonly buffers: number
  /** Resident bytes, those that were freed and not given back included: for the record, not for judgement. */
  readonly rss: number
  /** How many of each kind keep the process alive, as Node counts them. */
  readonly handles: Readonly<Record<string, number>>
  readonly descriptors: number
}

/**
 * The same work done several times over: `rounds` has a reading before the first one that counts, and one
 * after each.
 */
export interface Growth {
  /** How many times the thing was done in one round. */
  readonly operations: number
  readonly rounds: readonly Reading[]
  /** What else the scene has seen. */
  readonly seen: Readonly<Record<string, number | string | boolean>>
}

/** Milliseconds that sockets and files may take to be gone after the work is done. */
const PATIENCE = 10_000

/** Collects garbage until nothing more goes, weak references and finalizers included, and reads. */
export async function read(): Promise<Reading> {
  for (let times = 0; times < 4; times++) {
    collect()
    // What a weak reference was read for in one turn lives until the turn ends.
    await turn()
  }
  const { heapUsed, external, rss } = process.memoryUsage()
  return {
    heap: heapUsed,
    buffers: external,
    rss,
    handles: countHandles(),
    descriptors: readdirSync('/proc/self/fd').length,
  }
}

/** Bytes of live objects and buffers now, without a collection: for peaks. */
export function weight(): number {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Collects garbage once. @throws Error in a process that was not started with `--expose-gc`. */
export function collect(): void {
  if (!globalThis.gc) throw new Error('Start this process with --expose-gc.')
  globalThis.gc()
}

/**
 * Does the work once to warm up, then `times` rounds of it, and reads after each, once its handles are gone
 * or a time has passed.
 */
export async function measure(times: number, operations: number, work: () => Promise<void>): Promise<Growth> {
  await work()
  await delay(100)
  await work()
  const rounds = [await calm(undefined)]
  for (let n = 0; n < times; n++) {
    await work()
    rounds.push(await calm(rounds[0]))
  }
  return { operations, rounds, seen: {} }
}

/**
 * Resolves with a reading as soon as there is nothing open that was not in `before`, at the latest when
 * patience ends.
 */
async function calm(before: Reading | undefined): Promise<Reading> {
  const end = performance.now() + (before ? PATIENCE : 1_000)
  for (;;) {
    const reading = await read()
    if ((before && isCalm(reading, before)) || performance.now() > end) return reading
    await delay(50)
  }
}

function isCalm(reading: Reading, before: Reading): boolean {
  return (
    reading.descriptors <= before.descriptors &&
    Object.entries(reading.handles).every(([kind, count]) => count <= (before.handles[kind] ?? 0))
  )
}

function countHandles(): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}
