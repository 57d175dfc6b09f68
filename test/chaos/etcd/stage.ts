import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KeyedMutex } from '../../../model/keyed-mutex.ts'
import type { Random } from '../random.ts'
import type { Stage } from '../stage.ts'
import { type Ending, endEach } from '../within.ts'
import { openAuth } from './auth.ts'
import { reachCalm } from './calm.ts'
import { openCluster } from './cluster.ts'
import type { Etcdctl } from './etcdctl.ts'
import { readFinal } from './finals.ts'
import { openForgets } from './forgets.ts'
import { type Ground, PREFIX, type World } from './ground.ts'
import { openHands } from './hands.ts'
import { type Line, openLine } from './line.ts'
import { startStockWatcher } from './rival.ts'
import { createSeat, type Seat } from './seat.ts'
import { openKills, openLines } from './single.ts'
import { createTruth } from './truth.ts'

/**
 * What the trouble is with: the lines, a server that dies, a store that loses something, a cluster, who may
 * do what, or other clients that write.
 */
export const ETCD_KINDS = ['lines', 'kills', 'forgets', 'cluster', 'auth', 'hands'] as const
export type EtcdKind = (typeof ETCD_KINDS)[number]

/** Milliseconds that each part of a stage may take to end. */
const END = 30_000

export interface EtcdStageOptions {
  readonly kind: EtcdKind
  readonly random: Random
  /** How many; three by default. */
  readonly controllers?: number
  /** `ETCD_BINARY` or `etcd` on the PATH by default. */
  readonly binary?: string
}

const GROUNDS: Readonly<Record<EtcdKind, (binary: string | undefined, random: Random) => Promise<Ground>>> = {
  lines: openLines,
  kills: openKills,
  forgets: openForgets,
  cluster: openCluster,
  auth: openAuth,
  hands: openHands,
}

/** A stage on etcd, with the client that says what is true of it. */
export interface EtcdStage extends Stage {
  readonly etcdctl: Etcdctl
}

/**
 * A fresh etcd with controllers in this process, each with a line of its own to it. Resolves when all of them
 * are READY.
 */
export async function openEtcdStage({
  kind,
  random,
  controllers = 3,
  binary = process.env.ETCD_BINARY,
}: EtcdStageOptions): Promise<EtcdStage> {
  const endings: Ending[] = []
  const close = () => endEach(endings, END)
  try {
    return await build(await GROUNDS[kind](binary, random.fork('ground')), controllers, endings, close)
  } catch (error) {
    await close()
    throw error
  }
}

async function build(
  ground: Ground,
  controllers: number,
  endings: Ending[],
  close: () => Promise<void>,
): Promise<EtcdStage> {
  endings.push({ name: ground.name, end: () => ground.stop() })
  const folder = await mkdtemp(join(tmpdir(), 'kytos-stage-'))
  endings.push({ name: folder, end: () => rm(folder, { recursive: true, force: true }) })

  // Steps that a store has lost are nobody's fault, so there is nothing to compare.
  const rivalLine = ground.mayResync ? undefined : await openLine(ground.ports)
  if (rivalLine) endings.push({ name: 'the line of the stock client', end: () => rivalLine.close() })
  const lines: Line[] = []
  const seats: Seat[] = []
  for (let n = 1; n <= controllers; n++) {
    const line = await openLine(ground.ports, n === 1 && rivalLine ? [rivalLine] : [])
    endings.push({ name: `the line of controller-${n}`, end: () => line.close() })
    const seat = await createSeat(`controller-${n}`, ground.connection(line.ports), folder)
    endings.push({ name: seat.id, end: () => seat.stop() })
    lines.push(line)
    seats.push(seat)
  }
  const rival = rivalLine && (await startStockWatcher(ground.connection(rivalLine.ports)))
  if (rival) endings.push({ name: 'the stock client', end: () => rival.stop() })
  await Promise.all(seats.map(seat => seat.start()))

  const { etcdctl } = ground
  const truth = createTruth(etcdctl, PREFIX)
  const mutex = new KeyedMutex()
  const world: World = { seats, lines, etcdctl, truth, alone: task => mutex.run('store', task) }
  return {
    name: ground.name,
    etcdctl,
    players: seats,
    faults: ground.faults(world),
    mayResync: ground.mayResync,
    calm: async () => {
      for (const line of lines) line.each(proxy => proxy.resume())
      await ground.heal()
      await reachCalm(seats, etcdctl)
    },
    collect: async () => {
      await truth.read()
      const finals = await Promise.all(seats.map(seat => readFinal(seat, truth.lives)))
      const listeners = seats.flatMap(seat => seat.listeners)
      return {
        lives: truth.lives,
        listeners,
        finals,
        hands: ground.hands ?? [],
        ...(rival && { rival: await rival.count(truth.lives) }),
      }
    },
    close,
  }
}
