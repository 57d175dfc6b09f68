import { setTimeout as delay } from 'node:timers/promises'
import { describe, it } from 'vitest'
import { PREFIX } from './etcd/ground.ts'
import { ETCD_KINDS, type EtcdStage, openEtcdStage } from './etcd/stage.ts'
import type { Final, StoreLife } from './history.ts'
import { createRandom, type Random } from './random.ts'

const SEED = 20_261_122

/** The same choices, but every trouble as short as it may be. */
function brief(random: Random): Random {
  return { ...random, between: from => from, fork: name => brief(random.fork(name)) }
}

/**
 * Changes settings and boxes through every controller until told to stop; gives how many changes were
 * answered. What is refused is tried no more.
 */
function startWriting({ players }: EtcdStage): () => Promise<number> {
  let stopped = false
  let answered = 0
  const writers = players.map(async ({ ask }, who) => {
    for (let n = 1; !stopped; n++) {
      const namespace = `kytos/n${n % 4}`
      const change = async (): Promise<unknown> => {
        if (n % 5 === 0) return ask('kytos.settings.delete', { namespace })
        if (n % 5 === 1)
          return ask('kytos.storehouse.create', { namespace: 'kytos', data: { n }, box_id: `${who} ${n}` })
        return ask('kytos.settings.update', {
          namespace,
          data: { [`from_${who}`]: n },
          scope: n % 5 === 2 ? 'controller' : 'cluster',
        })
      }
      await change().then(
        () => answered++,
        () => delay(20), // a store in trouble; that it gets over it is what is asked
      )
    }
  })
  return async () => {
    stopped = true
    await Promise.all(writers)
    return answered
  }
}

interface Kept {
  readonly text: string
  readonly revision: bigint
  /** How many times it was put since it was created. */
  readonly version: number
}

/** What a store holds after a life, if that has every step. */
function fold({ revisions }: StoreLife): Map<string, Kept> {
  const kept = new Map<string, Kept>()
  for (const { revision, changes } of revisions) {
    for (const { key, text } of changes) {
      if (text === undefined) kept.delete(key)
      else kept.set(key, { text, revision, version: (kept.get(key)?.version ?? 0) + 1 })
    }
  }
  return kept
}

/** What a store holds, as it says itself. */
async function list({ etcdctl }: EtcdStage): Promise<Map<string, Kept>> {
  // What etcdctl prints of a range; none of these numbers is too big for a double.
  const { kvs } = JSON.parse(await etcdctl.run(['get', `${PREFIX}/`, '--prefix', '-w', 'json'])) as {
    readonly kvs: readonly {
      readonly key: string
      readonly value: string
      readonly mod_revision: number
      readonly version: number
    }[]
  }
  const decode = (base64: string): string => Buffer.from(base64, 'base64').toString()
  return new Map(
    kvs.map(({ key, value, mod_revision, version }) => [
      decode(key).slice(PREFIX.length + 1),
      { text: decode(value), revision: BigInt(mod_revision), version },
    ]),
  )
}

/** Of a store, what a controller should answer: the overrides that count there, and the data of every box. */
function answersOf(held: ReadonlyMap<string, Kept>, controller: string): Pick<Final, 'overrides' | 'boxes'> {
  const parsed = (prefix: string) =>
    [...held]
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, { text }]) => [key, JSON.parse(text)] as const)
  return {
    overrides: Object.fromEntries([...parsed('settings/'), ...parsed(`controllers/${controller}/`)]),
    boxes: Object.fromEntries(parsed('boxes/').map(([key, { data }]) => [key, data])),
  }
}

describe.concurrent('a stage of etcd', () => {
  it.for(ETCD_KINDS)(
    'of the kind %s gets calm after each fault, and tells step by step how its store came to hold what it holds',
    {
      timeout: 120_000,
    },
    async (kind, { expect }) => {
      const random = brief(createRandom(SEED))
      const stage = await openEtcdStage({ kind, random })
      try {
        const stop = startWriting(stage)
        for (const fault of stage.faults) {
          await fault.strike(random)
          await stage.calm()
        }
        const answered = await stop()
        await stage.calm()
        const { lives, listeners, finals, rival } = await stage.collect()
        const held = await list(stage)

        expect(answered).toBeGreaterThan(0)
        // The number of puts that each key has seen would show a step that is missing.
        expect(lives.map(fold).at(-1)).toEqual(held)
        expect(lives).toHaveLength(kind === 'forgets' ? 3 : 1)
        for (const { controller, state, overrides, boxes } of finals) {
          expect({ state, overrides, boxes }).toEqual({ state: 'READY', ...answersOf(held, controller) })
        }
        expect(listeners.filter(({ lasted }) => lasted).map(({ controller }) => controller)).toEqual(
          stage.players.map(({ id }) => id),
        )
        expect(listeners.filter(({ lasted }) => !lasted)).toHaveLength(1)
        expect(rival === undefined).toBe(stage.mayResync)
      } finally {
        await stage.close()
      }
    },
  )
})
