import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../support/etcd-process.ts'
import type { StoreLife } from '../history.ts'
import type { Random } from '../random.ts'
import type { Fault, Stage } from '../stage.ts'
import { Controller } from './controller.ts'
import { readFinal } from './finals.ts'
import { readTruth } from './journal-reader.ts'
import { killFaults } from './kill-faults.ts'
import type { Assignment } from './messages.ts'

/** What can befall the controller and its store. */
export const KINDS = ['kills', 'power', 'disk', 'hands'] as const
export type FilesystemKind = (typeof KINDS)[number]

/** A stage on a folder of this machine. */
export interface FilesystemStage extends Stage {
  /** How many processes were killed so far. */
  readonly kills: number
  /** The folder of the store. */
  readonly path: string
  /** The whole history of the store so far. */
  truth(): Promise<StoreLife>
}

/** How long (ms) everything may take to be calm again. */
const CALM = 60_000

/** Starts one controller as a process of its own on a fresh store. */
export async function openFilesystemStage({ kind, random }: { readonly kind: FilesystemKind; readonly random: Random }): Promise<FilesystemStage> {
  const folder = await mkdtemp(join(tmpdir(), 'kytos-chaos-'))
  const at = (name: string): string => join(folder, name)
  for (const name of ['store', 'store/journal', 'state', 'archive']) await mkdir(at(name), { mode: 0o700 })
  const port = await freePort()
  const snapshot = random.chance(0.5)
  const seeds = random.fork('processes')
  const base = { controller: 'controller-1', port, store: at('store'), state: at('state'), archive: at('archive'), snapshot }
  const assignment = (): Assignment => ({ ...base, seed: seeds.between(0, 0x7fffffff) })
  const controller = new Controller('controller-1', port, { journal: at('store/journal'), assignment })
  const faults: readonly Fault[] = killFaults(controller, at('store'))
  const truth = () => readTruth(at('archive'))

  const calm = async (): Promise<void> => {
    const begun = performance.now()
    for (;;) {
      refuseErrors(controller)
      const { state, revision } = await controller.process.status()
      const { revisions } = await truth()
      if (state === 'READY' && BigInt(revision) === (revisions.at(-1)?.revision ?? 0n)) return
      if (performance.now() - begun > CALM) throw new Error(`The controller is ${state} at revision ${revision}, the store at ${revisions.length}.`)
      await sleep(50)
    }
  }

  await controller.start()
  return {
    name: `filesystem, ${kind}`,
    path: at('store'),
    players: [controller],
    faults,
    mayResync: snapshot,
    get kills() {
      return controller.kills
    },
    truth,
    calm,
    collect: async () => {
      refuseErrors(controller)
      const life = await truth()
      const finals = [await readFinal(controller, await controller.process.status(), life)]
      return { lives: [life], listeners: controller.listeners, finals }
    },
    close: async () => {
      await controller.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function refuseErrors({ errors }: Controller): void {
  if (errors.length > 0) throw new Error(errors.join('\n'))
}
