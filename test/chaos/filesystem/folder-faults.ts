import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Removal } from '../history.ts'
import type { Random } from '../random.ts'
import type { Fault } from '../stage.ts'
import type { Controller } from './controller.ts'
import type { FileMoves } from './edits.ts'

const run = promisify(execFile)

/** Folders below the store that may go and come back, the largest first; each only while it is there. */
const PLACES = [
  'settings',
  'boxes',
  'controllers',
  'settings/kytos',
  'settings/of-core',
  'boxes/chaos',
  'controllers/controller-1',
  'controllers/controller-1/kytos',
]
/** Milliseconds that a folder is away: a file counts as removed once it has been gone for 1 s. */
const AWAY = [100, 2_500] as const
/** Milliseconds in which others commit before something else happens. */
const MEANWHILE = [200, 1_500] as const
/** Milliseconds after which a removed file has been seen to be gone, mostly. */
const NOTICED = [200, 2_500] as const

/** When the process is killed and started again, while a folder goes and comes back. */
const RESTARTS = ['never', 'while it is away', 'around its way back', 'around both ways'] as const

/** What happened to files, to be added to. */
interface Moves extends FileMoves {
  readonly removals: Removal[]
  readonly returns: { readonly key: string; readonly text: string }[]
}

/**
 * Folders of readable files that go and come back, as a volume that is mounted late or a sync that has not
 * finished: moved away and back, hidden by an empty folder or an empty mount, replaced by an older copy; the
 * process is killed and started meanwhile, or is not. And, now and then, a file that a person removes.
 *
 * Invariant: nobody edits a file here, so no document changes but by a command, and none goes but by a
 * command or by the removal of its own file.
 */
export class FolderFaults {
  readonly #controller: Controller
  readonly #store: string
  /** Beside the store, on the same file system. */
  readonly #aside: string
  readonly #moves: Moves
  readonly #mounts = new Set<string>()
  #count = 0

  /** Adds to `moves` what happens to files. */
  constructor(controller: Controller, store: string, aside: string, moves: Moves) {
    this.#moves = moves
    this.#controller = controller
    this.#store = store
    this.#aside = aside
    mkdirSync(aside)
  }

  get faults(): readonly Fault[] {
    return [
      { name: 'folder away', weight: 4, strike: random => this.#moveAway(random, false) },
      { name: 'empty folder in its place', weight: 3, strike: random => this.#moveAway(random, true) },
      { name: 'empty mount over it', weight: 2, strike: random => this.#mountOver(random) },
      { name: 'older copy put back', weight: 3, strike: random => this.#putBackOlder(random) },
      { name: 'file removed', weight: 3, strike: random => this.#removeFile(random) },
    ]
  }

  /** Ends the mounts that a failure left. */
  async close(): Promise<void> {
    for (const path of this.#mounts) await this.#unmount(path)
  }

  async #moveAway(random: Random, withEmpty: boolean): Promise<void> {
    const place = this.#pick(random)
    if (place === undefined) return
    const restarts = random.pick(RESTARTS)
    const aside = this.#freshName()
    if (restarts === 'around both ways') await this.#controller.kill()
    renameSync(place, aside)
    if (withEmpty) mkdirSync(place, { mode: 0o700 })
    if (restarts === 'around both ways') await this.#controller.start()
    await sleep(random.between(...AWAY))
    if (restarts === 'while it is away') await this.#restart()
    await sleep(random.between(...MEANWHILE))
    const isDead = restarts === 'around its way back' || restarts === 'around both ways'
    if (isDead) await this.#controller.kill()
    this.#bring(aside, place)
    if (isDead) await this.#controller.start()
    else await sleep(random.between(...NOTICED))
  }

  async #mountOver(random: Random): Promise<void> {
    const place = this.#pick(random)
    if (place === undefined) return
    // What lies under the mount is what comes back.
    const under = this.#freshName()
    cpSync(place, under, { recursive: true, filter: path => existsSync(path) })
    if (!(await this.#mount(place))) return
    const isRestarted = random.chance(0.3)
    this.#noteReturns(under, place)
    try {
      await sleep(random.between(...AWAY))
      if (isRestarted) await this.#restart()
      await sleep(random.between(...MEANWHILE))
    } finally {
      await this.#unmount(place)
    }
    await sleep(random.between(...NOTICED))
    if (random.chance(0.3)) await this.#restart()
  }

  /** A copy that was made while the process was dead takes the place of the folder while it is dead again. */
  async #putBackOlder(random: Random): Promise<void> {
    const place = this.#pick(random)
    if (place === undefined) return
    const copy = this.#freshName()
    await this.#controller.kill()
    cpSync(place, copy, { recursive: true })
    await this.#controller.start()
    await sleep(random.between(...MEANWHILE))
    await this.#controller.kill()
    this.#bring(copy, place)
    await this.#controller.start()
  }

  async #removeFile(random: Random): Promise<void> {
    const folder = this.#pick(random)
    if (folder === undefined) return
    // A register is judged by its commands alone, which know nothing of a person.
    const files = filesIn(folder).filter(file => !basename(file).startsWith('register_'))
    const file = files.length > 0 ? random.pick(files) : undefined
    if (file === undefined) return
    this.#moves.removals.push({ key: this.#keyOf(file), sent: process.hrtime.bigint() })
    rmSync(file, { force: true })
    await sleep(random.between(...NOTICED))
  }

  #pick(random: Random): string | undefined {
    const share = random.next()
    const there = PLACES.map(place => join(this.#store, place)).filter(path => existsSync(path))
    return there[Math.floor(share * there.length)]
  }

  /** What the service made in the place of the folder meanwhile goes aside. */
  #bring(aside: string, place: string): void {
    this.#noteReturns(aside, place)
    if (existsSync(place)) renameSync(place, this.#freshName())
    renameSync(aside, place)
  }

  #noteReturns(aside: string, place: string): void {
    for (const file of filesIn(aside)) {
      this.#moves.returns.push({
        key: this.#keyOf(place + file.slice(aside.length)),
        text: readFileSync(file, 'utf8'),
      })
    }
  }

  #keyOf(file: string): string {
    return file.slice(this.#store.length + 1, -'.json'.length)
  }

  async #restart(): Promise<void> {
    await this.#controller.kill()
    await this.#controller.start()
  }

  #freshName(): string {
    return join(this.#aside, String(++this.#count))
  }

  /** False when this user may not mount. */
  async #mount(path: string): Promise<boolean> {
    try {
      await run('mount', ['-t', 'tmpfs', '-o', 'size=64m,mode=0700', 'kytos-chaos', path])
    } catch {
      return false // as in many containers
    }
    this.#mounts.add(path)
    return true
  }

  async #unmount(path: string): Promise<void> {
    if (this.#mounts.delete(path)) await run('umount', ['-l', path])
  }
}

/** The readable files below a folder, sorted. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter(item => item.isFile() && item.name.endsWith('.json') && !item.name.startsWith('.'))
    .map(item => join(item.parentPath, item.name))
    .sort()
}
