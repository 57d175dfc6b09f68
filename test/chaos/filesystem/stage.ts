import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../support/etcd-process.ts'
import type { StoreLife } from '../history.ts'
import type { Random } from '../random.ts'
import { saveRecord } from '../save-record.ts'
import type { Stage } from '../stage.ts'
import { endEach } from '../within.ts'
import { type Cast, type FilesystemKind, openCast } from './cast.ts'
import { Controller } from './controller.ts'
import { readFinal } from './finals.ts'
import { readTruth } from './journal-reader.ts'

export { type FilesystemKind, KINDS } from './cast.ts'

/** A stage on a folder of this machine. */
export interface FilesystemStage extends Stage {
  /** How many processes were killed so far. */
  readonly kills: number
  /** The folder of the store. */
  readonly path: string
  /** The whole history of the store so far. */
  truth(): Promise<StoreLife>
}

const CONTROLLER = 'controller-1'
/** How long (ms) everything may take to be calm again. */
const CALM = 60_000
const GLANCE = 50
/** Milliseconds that each part of a stage may take to end. */
const END = 30_000

/**
 * Starts one controller, as a process of its own, on a fresh store. In half of the rounds it keeps a snapshot
 * of what it knew, and begins with it: then what was committed after it is told as a `resync`, and the stage
 * says `mayResync`. Without one a process begins with what the store holds, and no step is ever left out.
 */
export async function openFilesystemStage({
  kind,
  random,
}: {
  readonly kind: FilesystemKind
  readonly random: Random
}): Promise<FilesystemStage> {
  const folder = await mkdtemp(join(tmpdir(), 'kytos-chaos-'))
  const cast = await openCast(kind, folder, random)
  const port = await freePort()
  const snapshot = random.chance(0.5)
  const seeds = random.fork('processes')
  const { folders } = cast
  const controller = new Controller(CONTROLLER, port, {
    journal: join(folders.store, 'journal'),
    assignment: () => ({
      ...folders,
      controller: CONTROLLER,
      port,
      snapshot,
      seed: seeds.between(0, 0x7fffffff),
    }),
  })
  const close = () =>
    endEach(
      [
        { name: folder, end: () => rm(folder, { recursive: true, force: true }) },
        { name: cast.name, end: () => cast.close() },
        { name: CONTROLLER, end: () => controller.close() },
      ],
      END,
    )
  try {
    await controller.start()
  } catch (error) {
    await close()
    throw error
  }
  const truth = () => readTruth(folders.archive)
  return {
    name: cast.name,
    path: folders.store,
    players: [controller],
    faults: cast.faults(controller),
    ...(cast.pause !== undefined && { pause: cast.pause }),
    mayResync: snapshot,
    get kills() {
      return controller.kills
    },
    truth,
    calm: () => becomeCalm(controller, cast),
    collect: async () => {
      const life = await truth()
      const flaws = cast.flaws(life)
      if (flaws.length > 0) flaws.push(`The history of the store: ${await saveRecord('store', life)}`)
      refuse([...controller.errors, ...flaws])
      const finals = [await readFinal(controller, await controller.process.status(), life)]
      return {
        lives: [life],
        listeners: controller.listeners,
        finals,
        ...(cast.removals && { removals: cast.removals }),
      }
    },
    close,
  }
}

async function becomeCalm(controller: Controller, cast: Cast): Promise<void> {
  for (const begun = performance.now(); ; await sleep(GLANCE)) {
    refuse(controller.errors)
    const { state, revision } = await controller.process.status()
    const life = await readTruth(cast.folders.archive)
    const newest = life.revisions.at(-1)?.revision ?? 0n
    const pending = cast.pending(life)
    if (state === 'READY' && BigInt(revision) === newest && pending.length === 0) return
    if (performance.now() - begun < CALM) continue
    throw new Error(
      [
        `After ${CALM} ms the controller is ${state} at revision ${revision}, the store at ${newest}.`,
        ...pending,
      ].join('\n'),
    )
  }
}

function refuse(errors: readonly string[]): void {
  if (errors.length > 0) throw new Error(errors.slice(0, 20).join('\n'))
}
