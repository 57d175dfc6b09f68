import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { createBus } from '../../../../events/bus.ts'
import { changedFact } from '../../../unit/events/facts.ts'
import { createCountedLog } from '../counted-log.ts'
import { collect, read, weight } from '../gauge.ts'
import { dial, EVENTS, get, openStreams } from '../server.ts'

/**
 * What those who lag cost, in bytes: before there was anything to hear, at most meanwhile, and once all is
 * over.
 */
export interface Cost {
  readonly before: number
  readonly most: number
  readonly after: number
  readonly descriptors: readonly [before: number, after: number]
  readonly seen: Readonly<Record<string, number | readonly number[]>>
}

interface Size {
  readonly facts: number
  readonly bytes: number
}

/** Facts between two looks at the memory. */
const STRIDE = 100

/** Listeners that never finish, take 10 s for each event, or throw every time, beside one that keeps up. */
export async function listeners({ facts, bytes }: Size): Promise<Cost> {
  const log = createCountedLog()
  const bus = createBus({ log })
  let kept = 0
  bus.on('settings.changed', () => new Promise(() => {}), { name: 'never' })
  const slow = bus.on('settings.changed', () => delay(10_000, undefined, { ref: false }), { name: 'slow' })
  bus.on(/settings\..*/, () => Promise.reject(new Error('every time')), { name: 'rejects' })
  bus.on(
    'settings.changed',
    () => {
      throw new Error('every time')
    },
    { name: 'throws' },
  )
  bus.on('settings.changed', () => {
    kept++
  })
  const before = await read()
  let most = 0
  for (let n = 0; n < facts; n++) {
    bus.announce(
      'settings.changed',
      changedFact({ namespace: `kytos/n${n % 50}`, data: { text: String(n).padEnd(bytes, '.') } }),
    )
    if (n % STRIDE > 0) continue
    await new Promise(setImmediate)
    // What is held counts, not what a busy process has not collected yet.
    collect()
    most = Math.max(most, weight())
  }
  while (kept < facts) await new Promise(setImmediate)
  slow()
  const after = await read()
  return {
    before: before.heap,
    most,
    after: after.heap,
    descriptors: [before.descriptors, after.descriptors],
    seen: { kept, deadLetters: bus.deadLetters.list().length },
  }
}

/** Readers that stop reading, and one that reads 1 KB a second, beside others who keep up. */
export async function readers({
  facts,
  bytes,
  stopped,
  others,
}: Size & { readonly stopped: number; readonly others: number }): Promise<Cost> {
  const { http, change } = await openStreams()
  const before = await read()
  const silent = Array.from({ length: stopped }, () => dial(http.port, get(EVENTS)).pause())
  const trickle = dial(http.port, get(EVENTS)).pause()
  const sipping = setInterval(() => trickle.read(100), 100)
  const counts: number[] = Array.from({ length: others }, () => 0)
  const quick = counts.map((_, i) => count(dial(http.port, get(EVENTS)), n => (counts[i] = n)))
  while (sockets() < 2 * (stopped + others + 1)) await delay(10)
  await delay(100)

  let most = 0
  for (let n = 0; n < facts; n++) {
    change(bytes)
    if (n % STRIDE > 0) continue
    most = Math.max(most, weight())
    // Those who keep up are given the time for it.
    while (Math.min(...counts) < n) await delay(1)
  }
  while (Math.min(...counts) < facts) await delay(5)
  // Nobody but the server ends the lines of those who do not read; the one that reads a little goes on to.
  while (sockets() > silent.length + 2 * (others + 1)) await delay(20)
  const held = sockets()
  clearInterval(sipping)
  for (const socket of [...silent, ...quick, trickle]) socket.destroy()
  await http.close()
  const after = await read()
  return {
    before: before.heap,
    most,
    after: after.heap,
    descriptors: [before.descriptors - 1, after.descriptors],
    seen: { held, counts },
  }
}

/** How many ends of lines this process has: its clients are in it too. */
function sockets(): number {
  return process.getActiveResourcesInfo().filter(kind => kind === 'TCPSocketWrap').length
}

/** Counts the changes that a line brings, as long as they come in order. */
function count(socket: Socket, tell: (count: number) => void): Socket {
  let rest = ''
  let last = 0
  return socket.setEncoding('utf8').on('data', chunk => {
    const blocks = (rest + chunk).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) if (block.includes(`"comment":"change ${last + 1}"`)) last++
    tell(last)
  })
}
