import fc from 'fast-check'
import { describe, it } from 'vitest'
import type { Entry } from '../../../model/document.ts'
import { type Kind, makeKey, splitKey } from '../../../model/key.ts'
import { loadStore } from '../../../src/transfer/load-store.ts'
import { META_KEY, readEpoch } from '../../../src/watcher/epoch.ts'
import { type Player, startPlayer } from './ensemble.ts'
import { Judge } from './judge.ts'
import { World } from './world.ts'

/*
 * A store is wiped, in part or as a whole, and filled again, by our restore or by a tool that knows nothing of
 * it, while one or two controllers run on it and commands go on. In the end every controller is READY by itself,
 * its cache equals the store, its facts are in order, and every answer carries what its caller set.
 */

const NAMESPACES = ['kytos/alpha', 'kytos/beta'] as const
const SCHEMA = { type: 'object', properties: { a: { type: 'integer', default: 1 } } }
const RUNS = Number(process.env.SCHEDULE_RUNS ?? 30)
/** A box that carries no `write_id`. */
const BY_HAND = makeKey('boxes', 'net', 'by-hand')
const LOAD = { overwrite: true, skipOversized: false, keepTokens: false, dryRun: false }

interface Stage {
  readonly world: World
  readonly players: readonly Player[]
  readonly judge: Judge
  saved: readonly Entry[]
  readonly loads: Promise<unknown>[]
}
type Action = (stage: Stage) => void

function isFilling({ store }: World): boolean {
  return store.get(META_KEY)?.text.includes('filling') === true
}

/** Deletes the keys of these kinds in one commit, as `etcdctl del --prefix` does; undefined: all keys. */
function wipe({ world }: Stage, kinds?: readonly Kind[]): void {
  const gone = world.entries().filter(({ key }) => !kinds || kinds.includes(splitKey(key).kind))
  if (gone.length > 0) world.commit(...gone.map(({ key }) => ({ key, delete: true as const })))
}

/** Puts the saved texts, `meta/store` and its epoch included, as a script that knows only keys and texts. */
function putBack({ world, saved }: Stage): void {
  for (const { key, text } of saved) world.commit({ key, put: text })
}

/** Loads the saved entries as `kytos-settings restore --overwrite` does. */
function restore({ world, saved, loads }: Stage): void {
  const epoch = readEpoch(saved.find(({ key }) => key === META_KEY))
  const snapshot = { store: 'saved', revision: 1n, epoch, at: '2026-11-30T00:00:00.000Z', entries: saved }
  const line = world.connect()
  // A load that another load or a controller ends is refused; what it left has to be coped with all the same.
  const load = async () => {
    await line.open()
    await loadStore(line, snapshot, LOAD).catch(() => {})
    // Run again until the store is whole: nobody else finishes what it began.
    for (let n = 0; n < 20; n++)
      if (
        await loadStore(line, snapshot, LOAD).then(
          () => true,
          () => false,
        )
      )
        break
  }
  loads.push(load())
}

/**
 * Puts the store back by some commits that nobody can tell from others, and makes all but the first of them
 * again, at the same revisions.
 */
function makeTwin({ world }: Stage, by: number): void {
  const commits = world.commits()
  const texts: (string | undefined)[] = []
  for (const operations of commits) {
    const meta = operations.find(({ key }) => key === META_KEY)
    texts.push(meta ? ('put' in meta ? meta.put : undefined) : texts.at(-1))
  }
  // A new epoch is claimed once, and only a tool puts its text again.
  const unique = commits.findLastIndex(
    (operations, n) =>
      texts[n] !== texts[n - 1] || operations.some(one => 'put' in one && one.put.includes('"write_id":"')),
  )
  const count = Math.min(by, commits.length - 1 - unique)
  if (count === 0) return
  const again = commits.slice(commits.length - count + 1)
  world.rewind(count)
  for (const operations of again)
    world.commit(...operations.map(one => ('check' in one ? one : { ...one, expected: 'any' as const })))
}

const who = fc.nat({ max: 1 })
const namespace = fc.constantFrom(...NAMESPACES)
const data = fc.record({ a: fc.nat({ max: 9 }), b: fc.nat({ max: 9 }) }, { requiredKeys: [] })

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(who, namespace, data, fc.constantFrom('cluster', 'controller')).map(
      ([i, ns, d, scope]): Action =>
        ({ judge }) =>
          judge.tell(i, 'kytos.settings.update', { namespace: ns, data: d, scope }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(who, namespace).map(
      ([i, ns]): Action =>
        ({ judge }) =>
          judge.tell(i, 'kytos.settings.delete', { namespace: ns }),
    ),
  },
  {
    weight: 1,
    arbitrary: who.map(
      (i): Action =>
        ({ judge }) =>
          judge.register(i, 'kytos/alpha', SCHEMA, 1),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(who, fc.nat({ max: 2 })).map(
      ([i, box]): Action =>
        ({ judge }) =>
          judge.box(i, `b${box}`),
    ),
  },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom<readonly Kind[] | undefined>(
        undefined,
        undefined,
        ['meta'],
        ['history'],
        ['settings'],
        ['settings', 'history'],
        ['boxes'],
        ['schemas'],
        ['controllers'],
      )
      .map(
        (kinds): Action =>
          stage =>
            wipe(stage, kinds),
      ),
  },
  {
    weight: 1,
    arbitrary: fc.constant<Action>(stage => {
      // No backup contains a store that is being filled.
      if (!isFilling(stage.world)) stage.saved = stage.world.entries()
    }),
  },
  { weight: 1, arbitrary: fc.constant<Action>(putBack) },
  {
    weight: 1,
    arbitrary: fc.constant<Action>(stage => {
      wipe(stage)
      putBack(stage)
    }),
  },
  { weight: 1, arbitrary: fc.constant<Action>(restore) },
  {
    weight: 1,
    arbitrary: fc.constant<Action>(stage => {
      wipe(stage)
      restore(stage)
    }),
  },
  {
    weight: 1,
    arbitrary: fc.nat({ max: 6 }).map(
      (by): Action =>
        ({ world }) =>
          world.rewind(by),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(META_KEY, BY_HAND, makeKey('schemas', 'kytos', 'alpha', 'by-hand')).map(
      (key): Action =>
        ({ world }) => {
          const text = world.store.get(key)?.text ?? (key === META_KEY ? undefined : '{"data":1}')
          if (text !== undefined && !isFilling(world)) world.commit({ key, put: text })
        },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constant<Action>(({ world }) => void world.commit({ key: BY_HAND, delete: true })),
  },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 1, max: 6 }).map(
      (by): Action =>
        stage =>
          makeTwin(stage, by),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(who, fc.boolean()).map(
      ([i, forget]): Action =>
        ({ world, players }) => {
          players[i]?.line.cut()
          if (forget) world.store.forget()
        },
    ),
  },
)

const schedule = fc.array(fc.tuple(action, fc.nat({ max: 12 })), { minLength: 4, maxLength: 30 })

async function play(ids: readonly string[], steps: readonly (readonly [Action, number])[]): Promise<void> {
  const world = new World()
  const judge = new Judge(world)
  const players: Player[] = []
  try {
    for (const id of ids)
      players.push(await startPlayer(world, id, { onSaid: (event, player) => judge.hear(event, player) }))
    judge.players = players
    const stage: Stage = { world, players, judge, saved: world.entries(), loads: [] }
    for (const [action, pause] of steps) {
      action(stage)
      for (let i = 0; i < pause; i++) await judge.turn()
    }
    await Promise.all(stage.loads)
    // A store that was put back to the middle of a load is finished by the operator, as the message asks.
    if (isFilling(world)) restore(stage)
    await Promise.all(stage.loads)
    await judge.calm()
    await judge.judge(false)
  } finally {
    await Promise.all(players.map(player => player.close()))
  }
}

describe('A store that is wiped and filled again', () => {
  it.each([[['one']], [['one', 'two']]])(
    'leaves %j READY, with its content, in order',
    {
      timeout: 30_000 + RUNS * 1_000,
    },
    async ids => {
      await fc.assert(
        fc.asyncProperty(schedule, steps => play(ids, steps)),
        { numRuns: RUNS, endOnFailure: process.env.NO_SHRINK !== undefined },
      )
    },
  )
})
