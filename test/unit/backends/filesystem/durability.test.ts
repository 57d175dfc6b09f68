import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Operation } from '../../../../backends/backend.ts'
import { Committer } from '../../../../backends/filesystem/journal/committer.ts'
import { beginLog, Journal } from '../../../../backends/filesystem/journal/journal.ts'
import { replay } from '../../../../backends/filesystem/journal/replay.ts'
import { State } from '../../../../backends/filesystem/journal/state.ts'
import { isSettingsError } from '../../../../model/errors.ts'
import { type Key, makeKey } from '../../../../model/key.ts'
import { type Luck, SimulatedDisk } from './simulated-disk.ts'

const LIMITS = { batches: 1_000, bytes: 1e9 }
const SCRATCH = '/simulated'

/** What a caller was told of its commit. */
type Told = 'kept' | 'refused' | 'unknown'

interface Attempt {
  readonly keys: readonly Key[]
  readonly text: string
  told: Told
}

let folder = ''
let runs = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kytos-durability-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('What callers were told', () => {
  it('is what a crash leaves, whatever fails on the way: acked is there whole, refused is not, unknown is whole or not there', async () => {
    const luck = fc.oneof(
      { weight: 6, arbitrary: fc.constant<Luck>('works') },
      { weight: 2, arbitrary: fc.constantFrom<Luck>('fails', 'half') },
    )
    const step = fc.record({
      writers: fc.integer({ min: 1, max: 4 }),
      rotate: fc.integer({ max: 5, min: 0 }).map(n => n === 0),
    })
    const schedule = fc.record({
      steps: fc.array(step, { minLength: 1, maxLength: 8 }),
      lucks: fc.array(luck, { maxLength: 60 }),
      coins: fc.infiniteStream(fc.boolean()),
      /**
       * How many turns of the event loop the last writers have before the power goes; undefined: until all
       * are answered.
       */
      turns: fc.option(fc.nat(12), { nil: undefined }),
    })
    await fc.assert(
      fc.asyncProperty(schedule, async ({ steps, lucks, coins, turns }) => {
        const queue = [...lucks]
        let armed = false
        const disk = new SimulatedDisk(
          () => (armed ? (queue.shift() ?? 'works') : 'works'),
          () => coins.next().value ?? false,
        )
        const begun = await beginLog(SCRATCH, disk, { format: 1, number: 1, revision: '0' })
        armed = true
        const journal = new Journal(SCRATCH, disk, { ...begun, number: 1 })
        const { attempts, state } = await work(journal, steps, turns)
        const image = disk.crash()
        const told = attempts.map(attempt => ({ ...attempt, shown: shownIn(state, attempt) }))
        const { revision } = state
        const place = join(folder, String(runs++))
        await image(place)
        const after = await replay(place, LIMITS, () => false)
        for (const attempt of told) check(attempt, attempt.shown, shownIn(after.state, attempt))
        expect(after.window.last).toBe(after.state.revision)
        expect(after.state.revision >= revision).toBe(true)
      }),
      { numRuns: 500 },
    )
  })
})

type Step = { readonly writers: number; readonly rotate: boolean }

async function work(journal: Journal, steps: readonly Step[], turns: number | undefined) {
  const state = new State()
  const attempts: Attempt[] = []
  let rotate = false
  const committer = new Committer(state, journal, {
    async betweenGroups() {
      // A log that cannot be begun is told to the next group's callers; that is what is tested here.
      if (rotate) await journal.rotate(state.revision).catch(() => {})
      rotate = false
    },
    onDurable(commits) {
      for (const { batch, ttls } of commits) state.apply(batch, ttls)
    },
  })
  for (const [round, step] of steps.entries()) {
    rotate = step.rotate
    const running = Array.from({ length: step.writers }, (_, writer) =>
      attempt(committer, attempts, `${round}.${writer}`),
    )
    if (turns === undefined || round < steps.length - 1) await Promise.all(running)
    else for (let turn = 0; turn < turns; turn++) await (turn % 2 ? setImmediate() : Promise.resolve())
  }
  return { attempts, state }
}

/** Two keys of its own in one commit, and nobody else's. */
async function attempt(committer: Committer, attempts: Attempt[], name: string): Promise<void> {
  const keys = [makeKey('boxes', name, 'one'), makeKey('boxes', name, 'two')]
  const made: Attempt = {
    keys,
    text: JSON.stringify({ name, padding: 'x'.repeat(name.length * 7) }),
    told: 'unknown',
  }
  attempts.push(made)
  const operations = keys.map((key): Operation => ({ key, put: made.text, expected: 'absent' }))
  try {
    await committer.commit(operations)
    made.told = 'kept'
  } catch (error) {
    if (!isSettingsError(error, 'OUTCOME_UNKNOWN'))
      made.told = isSettingsError(error, 'STORE_FULL', 'STORE_UNREACHABLE') ? 'refused' : raise(error)
  }
}

/** How many of its keys hold what a commit put there. */
function shownIn(state: State, { keys, text }: Attempt): number {
  return keys.filter(key => state.get(key)?.text === text).length
}

function check({ keys, told }: Attempt, shown: number, there: number): void {
  expect([0, keys.length]).toContain(there)
  if (told === 'kept') expect(shown).toBe(keys.length)
  // Readers are never shown what a crash could take back.
  if (shown > 0) expect(there).toBe(shown)
  if (told === 'refused') expect([shown, there]).toEqual([0, 0])
}

function raise(error: unknown): never {
  throw error
}
