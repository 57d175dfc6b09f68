import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import type { Facts } from '../../events/map.ts'
import { parseJson } from '../../model/json.ts'
import { isObject } from '../../model/value.ts'
import { type Controller, openController } from '../support/controller.ts'
import { EDITORS } from './filesystem-editors.ts'
import { LONG, SEED } from './filesystem-sample.ts'
import { createRandom } from './random.ts'

const NAMESPACE = 'kytos/shared'
const WRITERS = ['w0', 'w1', 'w2', 'w3']
const SOON = { timeout: 10_000, interval: 10 }

/** One save: which editor, how long (ms) after the one before was taken in, and a seed for its own pauses. */
const save = fc.record({
  editor: fc.constantFrom(...Object.keys(EDITORS)),
  pause: fc.integer({ min: 0, max: 400 }),
  seed: fc.nat(),
})

describe('Editors that race with four writers on the same document', () => {
  it('lose nothing and undo nothing: each save is announced once, as an edit by hand, and each acked PATCH is there', {
    timeout: 900_000,
  }, async () => {
    const every = Object.keys(EDITORS).map(editor => ({ editor, pause: 20, seed: 1 }))
    await fc.assert(fc.asyncProperty(fc.array(save, { minLength: 4, maxLength: 8 }), race), {
      seed: SEED,
      numRuns: LONG ? 40 : 2,
      examples: [[every]],
      // A failure names its schedule and seed; to look for a smaller one takes minutes.
      endOnFailure: true,
    })
  })
})

async function race(
  saves: readonly { readonly editor: string; readonly pause: number; readonly seed: number }[],
): Promise<void> {
  const path = await mkdtemp(join(tmpdir(), 'kytos-editors-'))
  const controller = await openController({
    backend: report => createFilesystemBackend({ path }, { report }),
  })
  const file = join(path, 'settings', 'kytos', 'shared.json')
  try {
    await controller.ask('kytos.settings.update', {
      namespace: NAMESPACE,
      data: Object.fromEntries(WRITERS.map(name => [name, 0])),
    })
    await vi.waitFor(() => expect(existsSync(file)).toBe(true), SOON)
    await writeFile(join(dirname(file), '.shared.json.swp'), 'b0VIM')
    const end = new AbortController()
    const writing = WRITERS.map(name => write(controller, name, end.signal))
    for (const [at, { editor, pause, seed }] of saves.entries()) {
      await sleep(pause)
      await EDITORS[editor]?.(file, { [`hand_${at}`]: seed }, createRandom(seed))
      await vi.waitFor(
        async () =>
          expect(await dataOf(controller), `the save of an editor that ${editor}`).toHaveProperty(
            `hand_${at}`,
            seed,
          ),
        SOON,
      )
    }
    end.abort()
    const counts = await Promise.all(writing)
    const expected = Object.fromEntries([
      ...WRITERS.map((name, at) => [name, counts[at] ?? 0] as const),
      ...saves.map(({ seed }, at) => [`hand_${at}`, seed] as const),
    ])
    expect(await dataOf(controller)).toEqual(expected)
    expectFacts(controller, saves.length)
    await vi.waitFor(async () => {
      const history = await controller.ask('kytos.settings.history', { namespace: NAMESPACE, limit: 1_000 })
      // Only so many records are shown; which edits they tell of is in the facts.
      const shown = saves.filter((_, each) =>
        history.some(({ data }) => data !== null && !Object.hasOwn(data, `hand_${each}`)),
      )
      expect(history.filter(({ actor }) => actor.type === 'file')).toHaveLength(shown.length)
    }, SOON)
    await vi.waitFor(async () => expect(parseJson(await readFile(file, 'utf8'))).toEqual(expected), SOON)
    expect(controller.log.lines.filter(line => line.includes('was rejected'))).toEqual([])
    await controller.close()
    expect((await readdir(dirname(file))).sort()).toEqual(['.shared.json.swp', 'shared.json'])
  } finally {
    await controller.close()
    await rm(path, { recursive: true, force: true })
  }
}

/** Counts one key up as fast as it is answered; gives the last count that was acked. */
async function write(controller: Controller, name: string, signal: AbortSignal): Promise<number> {
  let count = 0
  while (!signal.aborted) {
    const { overrides } = await controller.ask('kytos.settings.update', {
      namespace: NAMESPACE,
      data: { [name]: count + 1 },
    })
    count++
    expect(overrides[name]).toBe(count)
  }
  return count
}

/** An edit by hand changes what a hand sets and nothing else, and a writer's key goes up by one at a time. */
function expectFacts(controller: Controller, saves: number): void {
  const hands: string[] = []
  // The only changes here are those of settings.
  for (const { content } of controller.changes.slice(1) as {
    readonly content: Facts['settings.changed']
  }[]) {
    const paths = content.changes.map(change => change.path)
    if (content.actor?.type === 'file') {
      expect(paths.every(each => each.startsWith('/hand_'))).toBe(true)
      hands.push(...paths)
    } else {
      expect(content.changes).toHaveLength(1)
      const [change] = content.changes
      expect(change?.new).toBe(Number(change?.old) + 1)
    }
  }
  expect(hands).toEqual(Array.from({ length: saves }, (_, at) => `/hand_${at}`))
}

async function dataOf(controller: Controller) {
  const { overrides } = await controller.ask('kytos.settings.retrieve', { namespace: NAMESPACE })
  return isObject(overrides) ? overrides : {}
}
