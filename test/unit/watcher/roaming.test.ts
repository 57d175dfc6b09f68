import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Operation } from '../../../backends/backend.ts'
import { printJson } from '../../../model/json.ts'
import { makeKey } from '../../../model/key.ts'
import { toJson } from '../../../model/value.ts'
import { SnapshotFile } from '../../../src/watcher/snapshot.ts'
import { createPlayer, type Player } from './ensemble.ts'
import { type End, Roamer, Truth } from './roamer.ts'
import { World } from './world.ts'

/*
 * Two controllers on one store, which lag, restart from their last known state, and find the history
 * compacted or the store put back; readers that go from one to the other, also in the midst of a revision or
 * of a difference. Whatever a reader is told, it knows the state as of its cursor.
 */

/** Some at every run of the tests; more on demand, to look for what is rare. */
const RUNS = Number(process.env.SCHEDULE_RUNS ?? 80)
const IDS = ['one', 'two'] as const
const NAMESPACES = ['kytos/alpha', 'kytos/beta'] as const

type Action = (stage: Stage) => void | Promise<void>

/** The store, its controllers and their readers. */
class Stage {
  readonly world = new World()
  readonly truth = new Truth(this.world)
  readonly players: Player[] = []
  readonly readers: readonly Roamer[]
  readonly #folder: string
  readonly #starting = new Map<Player, Promise<unknown>>()

  constructor(folder: string) {
    this.#folder = folder
    this.readers = [
      new Roamer('a', this.truth),
      new Roamer('b', this.truth),
      new Roamer('filtered', this.truth, ['kytos/alpha', 'net']),
    ]
  }

  /**
   * Begins a controller, from its last known state where there is one; `away` when it cannot reach the store.
   */
  begin(i: number, away: boolean): void {
    const id = IDS[i] ?? IDS[0]
    const snapshot = new SnapshotFile(join(this.#folder, `${id}.json`), 'memory', {
      info() {},
      warn() {},
      error() {},
      child: () => expect.fail(),
    })
    const player = createPlayer(this.world, id, {
      snapshot,
      prepare: line => Object.assign(line, { down: away }),
    })
    this.players[i] = player
    this.#starting.set(
      player,
      player.service.start().catch(() => {}),
    )
  }

  async end(i: number): Promise<void> {
    const player = this.players[i]
    await player?.close()
    if (player) await this.#starting.get(player)
  }

  /** Both controllers know all of the store. */
  async calm(): Promise<void> {
    for (const { line } of this.players) Object.assign(line, { down: false, early: 0 })
    await Promise.all(this.players.map(player => this.#starting.get(player)))
    const isCalm = () =>
      this.players.every(
        ({ service }) =>
          service.health().state === 'READY' && service.health().revision >= this.world.revision,
      )
    let calm = 0
    await this.until(() => {
      calm = isCalm() ? calm + 1 : 0
      return calm === 5
    })
  }

  async until(holds: () => boolean): Promise<void> {
    const end = Date.now() + 10_000
    while (!holds()) {
      if (Date.now() > end) {
        const states = this.players.map(({ id, service }) => ({ id, ...service.health() }))
        throw new Error(printJson(toJson({ revision: this.world.revision, states })))
      }
      await turn(2)
    }
  }

  async finish(): Promise<void> {
    await this.calm()
    for (const [i, reader] of this.readers.entries()) this.join(reader, i % 2)
    this.world.commit(
      { key: makeKey('settings', 'kytos', 'end'), put: '{}' },
      { key: makeKey('boxes', 'net', 'end'), put: 'x' },
    )
    await this.calm()
    for (const reader of this.readers) reader.judgeEnd()
  }

  join(reader: Roamer | undefined, i: number, end?: End): void {
    const player = this.players[i]
    if (player) reader?.join(player.service.feed, player.id, end)
  }
}

async function turn(times = 1): Promise<void> {
  for (let i = 0; i < times; i++) await new Promise(resolve => setImmediate(resolve))
}

const who = fc.nat({ max: 1 })
const reader = fc.nat({ max: 2 })
const data = fc.record({ v: fc.nat({ max: 3 }) })
const handKey = fc.constantFrom(
  makeKey('boxes', 'net', 'x'),
  makeKey('boxes', 'net', 'y'),
  makeKey('settings', 'kytos', 'alpha'),
  makeKey('settings', 'kytos', 'beta'),
)
const handOperation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ key: handKey, put: data.map(printJson) }),
  fc.record({ key: handKey, delete: fc.constant(true as const) }),
)
const handCommit = fc.uniqueArray(handOperation, { minLength: 1, maxLength: 4, selector: ({ key }) => key })

const writes: fc.Arbitrary<Action> = fc.oneof(
  fc.tuple(who, fc.constantFrom(...NAMESPACES), data).map(
    ([i, namespace, to]): Action =>
      ({ players }) =>
        void players[i]?.ask('kytos.settings.update', { namespace, data: to }).catch(() => {}),
  ),
  fc.tuple(who, fc.constantFrom(...NAMESPACES)).map(
    ([i, namespace]): Action =>
      ({ players }) =>
        void players[i]?.ask('kytos.settings.delete', { namespace }).catch(() => {}),
  ),
  handCommit.map(
    (operations): Action =>
      ({ world }) =>
        void world.commit(...operations),
  ),
)

const end = fc.oneof(
  fc.constant(undefined),
  fc.record({ frames: fc.nat({ max: 4 }), parts: fc.constant(Number.POSITIVE_INFINITY) }),
  fc.record({ frames: fc.constant(Number.POSITIVE_INFINITY), parts: fc.integer({ min: 1, max: 3 }) }),
)

const roams: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.tuple(reader, who, end).map(
      ([r, i, upTo]): Action =>
        stage =>
          stage.join(stage.readers[r], i, upTo),
    ),
  },
  {
    // In the midst of what a controller is about to say.
    weight: 1,
    arbitrary: fc.tuple(reader, who, handCommit, fc.nat({ max: 40 })).map(
      ([r, i, operations, moment]): Action =>
        async stage => {
          stage.world.commit(...operations)
          for (let passed = 0; passed < moment; passed++) await Promise.resolve()
          stage.join(stage.readers[r], i)
        },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(reader, fc.boolean()).map(
      ([r, wasShown]): Action =>
        ({ readers }) =>
          readers[r]?.leave(wasShown),
    ),
  },
)

const faults: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.tuple(who, fc.boolean()).map(
      ([i, down]): Action =>
        ({ players }) => {
          if (players[i]) players[i].line.down = down
          players[i]?.line.cut()
        },
    ),
  },
  { weight: 2, arbitrary: fc.constant<Action>(({ world }) => world.store.forget()) },
  {
    // One that misses so much, of which the steps are gone when it comes back.
    weight: 2,
    arbitrary: fc.tuple(who, fc.array(handCommit, { minLength: 1, maxLength: 4 }), fc.nat({ max: 4 })).map(
      ([i, commits, pause]): Action =>
        async ({ world, players }) => {
          const line = players[i]?.line
          if (!line) return
          line.down = true
          line.cut()
          for (const operations of commits) {
            await turn(pause)
            world.commit(...operations)
          }
          world.store.forget()
          line.down = false
        },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(who, fc.boolean()).map(
      ([i, away]): Action =>
        async stage => {
          await stage.end(i)
          stage.begin(i, away)
        },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 3, max: 8 }).map(
      (by): Action =>
        async stage => {
          // A store put back of which no controller knows more is one that nobody can tell from the one
          // before.
          await stage.calm()
          stage.truth.end()
          const before = stage.players.map(({ service }) => service.health().epoch)
          stage.world.rewind(by)
          await stage.until(() =>
            stage.players.some(({ service }, i) => service.health().epoch !== before[i]),
          )
        },
    ),
  },
)

const schedule = fc.array(
  fc.tuple(
    fc.oneof(
      { weight: 6, arbitrary: writes },
      { weight: 5, arbitrary: roams },
      { weight: 3, arbitrary: faults },
    ),
    fc.nat({ max: 6 }),
  ),
  { minLength: 5, maxLength: 50 },
)

async function play(steps: readonly (readonly [Action, number])[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'kytos-roaming-'))
  const stage = new Stage(folder)
  try {
    for (const i of IDS.keys()) stage.begin(i, false)
    await stage.calm()
    for (const [i, one] of stage.readers.entries()) stage.join(one, i % 2)
    for (const [action, pause] of steps) {
      await action(stage)
      await turn(pause)
    }
    await stage.finish()
    const faults = stage.readers.flatMap(one => (one.faults.length > 0 ? [...one.faults, ...one.heard] : []))
    if (faults.length > 0) throw new Error(faults.join('\n'))
  } finally {
    await Promise.all(IDS.map((_, i) => stage.end(i)))
    await rm(folder, { recursive: true })
  }
}

describe('a reader that roams between two controllers', () => {
  it('knows at every cursor what the store held there, whichever of them lags, restarts or finds steps gone', {
    timeout: 20_000 + RUNS * 1_000,
  }, async () => {
    await fc.assert(fc.asyncProperty(schedule, play), { numRuns: RUNS, endOnFailure: true })
  })
})
