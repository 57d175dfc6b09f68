import { printJson } from '../../../model/json.ts'
import { makeKey } from '../../../model/key.ts'
import type { JsonObject } from '../../../model/value.ts'
import { GUARDED } from '../guard-napp.ts'
import type { HandChange } from '../history.ts'
import type { Random } from '../random.ts'
import { BOX_NAMESPACE, BOXES } from '../workload/box-acts.ts'
import { CONFIRMED, LEFT, PASSING, SHARED } from '../workload/namespaces.ts'
import { type Ground, last, PREFIX, type World } from './ground.ts'
import { createLineFaults } from './line-faults.ts'
import { createSeatFault } from './seat-faults.ts'
import { openSingle } from './single.ts'

/** The most changes in one go, and the longest pause between them in ms. */
const CHANGES = 5
const PAUSE = 200

type Act = (key: string, value: string, random: Random) => Promise<HandChange | undefined>

/**
 * One etcd into which people and programs write past the service, while the lines of the controllers break.
 */
export async function openHands(binary: string | undefined): Promise<Ground> {
  const hands: HandChange[] = []
  const ground = await openSingle('one etcd, hands', { ...(binary && { binary }) }, (world, server) => [
    ...createLineFaults(world, 'cuts'),
    createSeatFault(world, 'removed'),
    {
      name: 'kill -9 after edits',
      weight: 1,
      strike: random =>
        world.alone(async () => {
          await edit(world, hands, random.fork('edits'))
          await server.kill()
          await last(random, 0, 2_000)
          await server.restart()
        }),
    },
    {
      name: 'edits with etcdctl',
      weight: 12,
      strike: random => world.alone(() => edit(world, hands, random)),
    },
  ])
  return { ...ground, hands }
}

/** A few changes in a row, now and then two of the same key. */
async function edit(
  { etcdctl, seats }: Pick<World, 'etcdctl' | 'seats'>,
  hands: HandChange[],
  random: Random,
): Promise<void> {
  const pick = random.fork('keys')
  // Those that may wait are edited more often, because few of them wait at a moment.
  const confirmed = [...CONFIRMED, ...CONFIRMED, ...CONFIRMED]
  const shared = [...SHARED, ...PASSING, ...GUARDED, ...confirmed]
  const documents = [
    ...shared.map(namespace => makeKey('settings', ...namespace.split('/'))),
    ...seats.flatMap(({ id }) =>
      [...SHARED, ...PASSING, ...CONFIRMED, ...LEFT].map(namespace =>
        makeKey('controllers', id, ...namespace.split('/')),
      ),
    ),
  ]
  const boxes = BOXES.map(id => makeKey('boxes', BOX_NAMESPACE, id))
  const change = async (key: string, text: string | undefined): Promise<HandChange | undefined> => {
    const sent = process.hrtime.bigint()
    const revision =
      text === undefined
        ? await etcdctl.deleteIfThere(`${PREFIX}/${key}`)
        : await etcdctl.put(`${PREFIX}/${key}`, text)
    // What is not there cannot be deleted.
    return revision === undefined
      ? undefined
      : { key, text, revision, sent, answered: process.hrtime.bigint() }
  }
  const acts: readonly (readonly [weight: number, keys: readonly string[], act: Act])[] = [
    // Put as one object, whatever was there.
    [6, documents, (key, value) => change(key, printJson({ by_hand: value }))],
    // What was read, with one more member: a commit that came between is overwritten.
    [
      6,
      documents,
      async (key, value) =>
        change(key, printJson({ ...(await objectAt(`${PREFIX}/${key}`)), by_hand: value }, 2)),
    ],
    [4, documents, key => change(key, undefined)],
    [2, documents, (key, value) => change(key, `{"by_hand": "${value}`)],
    [
      3,
      boxes,
      (key, value) =>
        change(key, printJson({ data: { id: value }, created_at: '2026-01-01T00:00:00Z', owner: null })),
    ],
    [3, boxes, key => change(key, undefined)],
  ]
  let again: string | undefined
  for (let left = random.between(1, CHANGES); left > 0; left--) {
    const [, keys, act] = pick.pick(acts, ([weight]) => weight)
    const key = again !== undefined && keys.includes(again) && pick.chance(0.3) ? again : pick.pick(keys)
    again = key
    // Stands in no other text that was ever stored.
    const made = await act(key, `by hand ${hands.length + 1}.`, pick)
    if (made) hands.push(made)
    await last(random, 0, PAUSE)
  }

  async function objectAt(key: string): Promise<JsonObject> {
    const text = await etcdctl.get(key)
    try {
      return text === undefined ? {} : (JSON.parse(text) as JsonObject)
    } catch {
      return {} // another hand broke it
    }
  }
}
