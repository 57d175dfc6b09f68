import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { EtcdServer } from '../../support/etcd.ts'
import type { StoreRevision } from '../history.ts'
import type { Fault } from '../stage.ts'
import { type Etcdctl, programOf } from './etcdctl.ts'
import { last, type World } from './ground.ts'
import { withNobody } from './solitude.ts'

const run = promisify(execFile)

/** What was saved of a store at a revision. */
interface Backup {
  readonly file: string
  readonly revision: bigint
  readonly history: readonly StoreRevision[]
}

/**
 * How far beyond the revision that the store had before it was put back it gets before a controller sees it.
 */
const OVERTAKING = 20n
/** How many changes are under way at once meanwhile. */
const LANES = 64

/**
 * The store is put back as an operator does it: an older backup, restored under the same name, addresses and
 * token, so that the cluster's id is the same. Half of the time changes outside the prefix have taken it past
 * its old revision before a controller sees it again, so that no number shows what happened; else the
 * controllers overtake it themselves.
 */
export function createRestore(world: World, server: EtcdServer, binary: string | undefined): Fault {
  const backups: Backup[] = []
  return {
    name: 'restore',
    weight: 2,
    strike: random =>
      world.alone(async () => {
        // Mostly what was saved just now; sometimes what was saved long ago, in an earlier life of the store
        // perhaps.
        const old = backups.length > 0 && random.chance(0.3)
        const backup = old
          ? random.pick(backups)
          : await save(world, join(dirname(server.dataDir), `backup-${backups.length}.db`))
        if (!old) backups.push(backup)
        await last(random, 300, 3_000)
        await withNobody(world, async end => {
          await server.kill()
          await restore(backup.file, server, binary)
          await last(random, 0, 500)
          await server.restart()
          world.truth.begin(backup.history, backup.revision)
          if (random.chance(0.5)) await overtake(server, end + OVERTAKING)
        })
      }),
  }
}

async function save({ etcdctl, truth }: World, file: string): Promise<Backup> {
  await etcdctl.run(['snapshot', 'save', file])
  const revision = await revisionIn(file, etcdctl)
  await truth.read()
  return { file, revision, history: truth.upTo(revision) }
}

async function revisionIn(file: string, etcdctl: Etcdctl): Promise<bigint> {
  const status: unknown = JSON.parse(await etcdctl.run(['snapshot', 'status', file, '-w', 'json']))
  const revision =
    typeof status === 'object' && status !== null && 'revision' in status ? status.revision : undefined
  if (typeof revision !== 'number') throw new Error(`etcdctl snapshot status names no revision of ${file}.`)
  return BigInt(revision)
}

async function restore(
  file: string,
  { dataDir, peer }: EtcdServer,
  binary: string | undefined,
): Promise<void> {
  await rm(dataDir, { recursive: true, force: true })
  // Newer releases have moved it into a program of its own.
  const program = programOf(binary, 'etcdutl') ?? programOf(binary, 'etcdctl') ?? 'etcdctl'
  const cluster = [`--initial-cluster=default=${peer}`, `--initial-advertise-peer-urls=${peer}`]
  await run(program, ['snapshot', 'restore', file, '--name=default', `--data-dir=${dataDir}`, ...cluster], {
    env: { PATH: process.env.PATH, ETCDCTL_API: '3' },
  })
}

/** Makes changes that are none of ours until the store is past this revision. */
async function overtake(server: EtcdServer, revision: bigint): Promise<void> {
  const lane = async (n: number): Promise<void> => {
    for (;;) {
      const { header } = await server.client.put(`chaos/overtake-${n}`).value('x').exec()
      if (BigInt(header.revision) > revision) return
    }
  }
  await Promise.all(Array.from({ length: LANES }, (_, n) => lane(n)))
}
