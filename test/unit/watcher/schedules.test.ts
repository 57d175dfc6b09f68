import fc from 'fast-check'
import { describe, it } from 'vitest'
import type { Operation } from '../../../backends/backend.ts'
import { makeKey } from '../../../model/key.ts'
import { type Player, startPlayer } from './ensemble.ts'
import { Judge } from './judge.ts'
import { World } from './world.ts'

/*
 * Several controllers on one store whose lines are cut, refused, led astray by early progress, whose history
 * is forgotten and which is put back to what it was, while commands and edits by hand go on. The judge then
 * says what every controller has to have said and has to know.
 */

const NAMESPACES = ['kytos/alpha', 'kytos/beta'] as const
const SCHEMAS = [
  { type: 'object', properties: { a: { type: 'integer', default: 1 }, b: { type: 'integer', maximum: 3 } } },
  { type: 'object', properties: { a: { type: 'integer', default: 2 }, b: { type: 'integer', maximum: 9 } } },
] as const

/** Some of each property at every run of the tests; more on demand, to look for what is rare. */
const RUNS = Number(process.env.SCHEDULE_RUNS ?? 150)

type Action = (stage: Stage) => void
interface Stage extends Rules {
  readonly world: World
  readonly players: readonly Player[]
  readonly judge: Judge
}

interface Rules {
  /** Nothing happens that takes history away. */
  readonly lossless: boolean
  readonly withSchemas: boolean
}

const who = fc.nat({ max: 2 })
const namespace = fc.constantFrom(...NAMESPACES)
const data = fc.record({ a: fc.nat({ max: 3 }), b: fc.nat({ max: 4 }) }, { requiredKeys: [] })
const scope = fc.constantFrom('cluster', 'controller')

const handText = fc.constantFrom(
  '{"a": 7}',
  '{"b": 5}',
  '{"b": 99}',
  '[]',
  'broken',
  '{"a":1}',
  '{"big":123456789012345678901234567890}',
)
const handKey = fc.constantFrom(
  makeKey('settings', 'kytos', 'alpha'),
  makeKey('settings', 'kytos', 'beta'),
  makeKey('controllers', 'one', 'kytos', 'alpha'),
  makeKey('settings', 'foreign', 'too', 'deep'),
  makeKey('schemas', 'kytos', 'alpha', 'written-by-hand'),
  makeKey('boxes', 'net', 'by-hand'),
)
const handOperation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ key: handKey, put: handText }),
  fc.record({ key: handKey, delete: fc.constant(true as const) }),
)
const handCommit = fc.uniqueArray(handOperation, { minLength: 1, maxLength: 3, selector: ({ key }) => key })

const commands: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(who, namespace, data, scope).map(
      ([i, ns, d, s]): Action =>
        ({ judge }) =>
          judge.tell(i, 'kytos.settings.update', { namespace: ns, data: d, scope: s }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(who, namespace, data).map(
      ([i, ns, d]): Action =>
        ({ judge }) =>
          judge.tell(i, 'kytos.settings.create', { namespace: ns, data: d }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(who, namespace, scope).map(
      ([i, ns, s]): Action =>
        ({ judge }) =>
          judge.tell(i, 'kytos.settings.delete', { namespace: ns, scope: s }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(who, namespace, fc.constantFrom(0, 1)).map(
      ([i, ns, v]): Action =>
        ({ judge, withSchemas }) => {
          if (withSchemas) judge.register(i, ns, SCHEMAS[v] ?? SCHEMAS[0], v)
        },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(who, fc.nat({ max: 2 })).map(
      ([i, box]): Action =>
        ({ judge }) =>
          judge.box(i, `b${box}`),
    ),
  },
  {
    weight: 3,
    arbitrary: handCommit.map(
      (operations): Action =>
        ({ world }) =>
          void world.commit(...operations),
    ),
  },
)

const faults: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 4,
    arbitrary: who.map(
      (i): Action =>
        ({ players }) =>
          players[i]?.line.cut(),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(who, fc.nat({ max: 5 })).map(
      ([i, calls]): Action =>
        ({ players }) =>
          players[i]?.line.refuse(calls),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(who, fc.nat({ max: 4 })).map(
      ([i, early]): Action =>
        ({ players }) =>
          set(players[i], { early }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(who, fc.integer({ min: 1, max: 4 })).map(
      ([i, page]): Action =>
        ({ players }) =>
          set(players[i], { page }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(who, fc.boolean()).map(
      ([i, down]): Action =>
        ({ players }) => {
          set(players[i], { down })
          players[i]?.line.cut()
        },
    ),
  },
)

const losses: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.constant<Action>(({ world, lossless }) => {
      if (!lossless) world.store.forget()
    }),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.nat({ max: 12 }), fc.array(handCommit, { maxLength: 14 })).map(
      ([by, meanwhile]): Action =>
        ({ world, lossless }) => {
          if (lossless) return
          world.rewind(by, meanwhile)
        },
    ),
  },
)

/** Schemas take longer than anything else: not everybody registers some. */
const schemas = fc.boolean()

/** Lets things happen: so many turns of the event loop. */
const turns = fc.nat({ max: 6 })
const schedule = fc.array(
  fc.tuple(
    fc.oneof(
      { weight: 8, arbitrary: commands },
      { weight: 4, arbitrary: faults },
      { weight: 1, arbitrary: losses },
    ),
    turns,
  ),
  {
    minLength: 5,
    maxLength: 60,
  },
)

function set(
  player: Player | undefined,
  how: Partial<Pick<Player['line'], 'early' | 'page' | 'down'>>,
): void {
  if (player) Object.assign(player.line, how)
}

async function play(steps: readonly (readonly [Action, number])[], rules: Rules): Promise<void> {
  const world = new World()
  const judge = new Judge(world)
  const players: Player[] = []
  try {
    for (const id of ['one', 'two', 'three'])
      players.push(await startPlayer(world, id, { onSaid: (event, player) => judge.hear(event, player) }))
    judge.players = players
    for (const [action, pause] of steps) {
      action({ world, players, judge, ...rules })
      for (let i = 0; i < pause; i++) await judge.turn()
    }
    await judge.calm()
    await judge.judge(rules.lossless)
  } finally {
    await Promise.all(players.map(player => player.close()))
  }
}

describe('three controllers on a store that fails', () => {
  it('say every commit once, in order, none marked resync, as long as the history is there', {
    timeout: 20_000 + RUNS * 500,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(schedule, schemas, (steps, withSchemas) =>
        play(steps, { lossless: true, withSchemas }),
      ),
      { numRuns: RUNS },
    )
  })

  it('end up knowing the store as it is, and never step back, although its history is forgotten and it is put back', {
    timeout: 20_000 + RUNS * 500,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(schedule, schemas, (steps, withSchemas) =>
        play(steps, { lossless: false, withSchemas }),
      ),
      { numRuns: RUNS },
    )
  })
})
