import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import type { Growth, Reading } from './gauge.ts'

const RUN = fileURLToPath(new URL('./run-scene.ts', import.meta.url))
/** Compiled functions stand in the heap too, and go on being compiled for long. */
const UNCOMPILED = ['--no-opt', '--no-sparkplug']
const KILOBYTE = 1_000

/** True for the long form. */
export const LONG = process.env.CHAOS_LONG === '1'

/** One of two sizes: that of `npm test`, and that of the long form. */
export function size(short: number, long: number): number {
  return LONG ? long : short
}

/** Milliseconds in which a scene has a result, below the timeout of any test that plays one. */
const LONGEST = size(80_000, 280_000)

/** How a scene's process went. */
export interface Played<Result> {
  readonly result: Result
  /** Milliseconds from the scene's result to the end of the process. */
  readonly ending: number
}

/**
 * Plays a scene in a process of its own, and waits until that ends by itself.
 * @throws Error with everything it printed when it fails, or still lives `patience` milliseconds after its
 * result.
 */
export async function play<Result>(
  file: string,
  name: string,
  options: object,
  patience = 15_000,
): Promise<Played<Result>> {
  const child = spawn(
    process.execPath,
    ['--expose-gc', ...UNCOMPILED, '--import', 'tsx', RUN, file, name, JSON.stringify(options)],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  // Not by a hook of the test: of tests that run at once it may be another's.
  const late = setTimeout(() => child.kill('SIGKILL'), LONGEST)
  let output = ''
  let found: { readonly result: Result } | undefined
  let foundAt = 0
  let overdue: NodeJS.Timeout | undefined
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    const line = /^\{"result":.*\}$/m.exec(output)
    if (found || !line) return
    // The scene and its test agree on what it gives.
    found = JSON.parse(line[0]) as { readonly result: Result }
    foundAt = performance.now()
    clearTimeout(late)
    overdue = setTimeout(() => child.kill('SIGKILL'), patience)
  })
  const [code, signal] = await once(child, 'close')
  clearTimeout(late)
  clearTimeout(overdue)
  if (code !== 0 || !found)
    throw new Error(
      `The scene "${name}" ended with ${code ?? signal}, ${found ? 'after' : 'without'} a result:\n${output.slice(-4_000)}`,
    )
  return { result: found.result, ending: performance.now() - foundAt }
}

/**
 * Expects that the work left nothing behind. A leak adds to every round, whereas a cache or a larger table is
 * paid for once; so the smallest of the rounds' growths is what one round leaves, and it may be `bytes` for
 * each operation.
 */
export function expectFlat({ operations, rounds, seen }: Growth, bytes: number): void {
  const heaps = rounds.map(({ heap }) => heap)
  const [first] = rounds
  const last = rounds.at(-1)
  if (!first || !last) throw new Error('A scene has at least one round.')
  const each = smallestGrowth(heaps) / operations
  const buffers = smallestGrowth(rounds.map(reading => reading.buffers)) / operations
  const told = `${operations} operations a round; ${heaps.map(inKilobytes).join(', ')}; ${each.toFixed(1)} B each; ${describe(first)} -> ${describe(last)}; ${JSON.stringify(seen)}`
  if (LONG) process.stdout.write(`  ${told}\n`)
  expect(each, `heap: ${told}`).toBeLessThan(bytes)
  expect(buffers, `buffers: ${told}`).toBeLessThan(bytes)
  expect(last.descriptors, `descriptors: ${told}`).toBeLessThanOrEqual(first.descriptors)
  for (const [kind, count] of Object.entries(last.handles))
    expect(count, `${kind}: ${told}`).toBeLessThanOrEqual(first.handles[kind] ?? 0)
}

function smallestGrowth(values: readonly number[]): number {
  return Math.min(...values.slice(1).map((value, n) => value - (values[n] ?? 0)))
}

function describe({ buffers, rss, handles, descriptors }: Reading): string {
  return `buffers ${inKilobytes(buffers)}, rss ${inKilobytes(rss)}, ${descriptors} descriptors, ${JSON.stringify(handles)}`
}

function inKilobytes(bytes: number): string {
  return `${Math.round(bytes / KILOBYTE)} kB`
}
