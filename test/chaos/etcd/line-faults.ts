import type { TcpProxy } from '../../support/tcp-proxy.ts'
import type { Random } from '../random.ts'
import type { Fault } from '../stage.ts'
import { last, PREFIX, type World } from './ground.ts'
import type { Line } from './line.ts'

/**
 * What happens to the lines between controllers and their store; with everything, or only with what cuts
 * them.
 */
export function createLineFaults({ lines }: Pick<World, 'lines'>, which: 'all' | 'cuts'): readonly Fault[] {
  const cuts = [
    onLines(lines, 'cut', 2, async (each, random) => {
      for (let n = random.between(1, 5); n > 0; n--) {
        each(line => line.cut())
        await last(random, 20, 400)
      }
    }),
    onLines(lines, 'cut within an answer', 2, async (each, random) => {
      // Half of the time in what comes after a reconnection, which is where steps are caught up with.
      if (random.chance(0.5)) each(line => line.cut())
      const bytes = random.between(1, random.pick([500, 5_000, 100_000]))
      each(line => line.cutAfter(bytes))
      await last(random, 200, 2_000)
    }),
    onLines(lines, 'cut after created', 2, async (each, random) => {
      // The first answers of a connection: settings of HTTP/2, then `created`, then the steps that were
      // missed.
      const bytes = random.between(40, random.pick([300, 3_000]))
      each(line => {
        line.cutEachAfter(bytes)
        line.cut()
      })
      await last(random, 500, 2_500)
    }),
  ]
  if (which === 'cuts') return cuts
  return [
    ...cuts,
    onLines(lines, 'black hole', 1, async (each, random) => {
      each(line => line.stall())
      await last(random, 500, 6_000)
    }),
    onLines(lines, 'stall', 2, async (each, random) => {
      each(line => line.freeze())
      await last(random, 300, 6_000)
    }),
    onLines(lines, 'answers swallowed', 2, async (each, random) => {
      each(line => line.swallowAnswers())
      await last(random, 200, 3_000)
    }),
    onLines(lines, 'delay', 1, async (each, random) => {
      const jitter = random.fork('jitter')
      const [base, spread] = [random.between(1, 150), random.between(0, 100)]
      each(line => line.delay(() => base + spread * jitter.next()))
      await last(random, 500, 4_000)
    }),
    onLines(lines, 'refused', 1, async (each, random) => {
      each(line => line.refuse())
      await last(random, 100, 4_000)
    }),
  ]
}

/** One after the other in a single response, so that it exceeds what a client takes by default: 4 MiB. */
const BULK = { pieces: 8, bytes: 700 * 1024 }

/**
 * A controller is away while more than 4 MiB of changes are made that nobody announces but that its watch has
 * to pass.
 */
export function createBulkFault({ lines, etcdctl, alone }: World): Fault {
  const keys = Array.from({ length: BULK.pieces }, (_, n) => `${PREFIX}/meta/bulk-${n}`)
  return {
    name: 'catch-up over 4 MiB',
    weight: 1,
    strike: random =>
      alone(async () => {
        const away = random.pick(lines)
        away.each(line => line.refuse())
        try {
          for (const key of keys) await etcdctl.put(key, random.pick(['a', 'b', 'c']).repeat(BULK.bytes))
        } finally {
          away.each(line => line.resume())
        }
        // They stay long enough to be caught up with, in one response.
        await last(random, 1_000, 2_000)
        for (const key of keys) await etcdctl.delete(key)
      }),
  }
}

/** A fault of one line, or of all at once. */
function onLines(
  lines: readonly Line[],
  name: string,
  weight: number,
  strike: (each: (act: (line: TcpProxy) => void) => void, random: Random) => Promise<void>,
): Fault {
  return {
    name,
    weight,
    strike: async random => {
      const struck = random.chance(0.3) ? lines : [random.pick(lines)]
      try {
        await strike(act => {
          for (const line of struck) line.each(act)
        }, random)
      } finally {
        for (const line of struck) line.each(proxy => proxy.resume())
      }
    },
  }
}
