import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Backend } from '../../backends/backend.ts'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import { EVERYTHING, type Key, makeKey } from '../../model/key.ts'

/*
 * Random schedules of a store against a small model of the rule "absence is not deletion". A document is
 * deleted only by a commit, or by an operator that removes its file. Such a removal counts only while the
 * service runs, in the known folder, with at least half of the files still present. Time runs faster here, so that the test does not
 * wait for pauses that are made for people.
 */

const FASTER = 10
/**
 * The real ms without a change after which the state counts as final: more than 2 s of the store's time.
 */
const CALM = 260
/** How long (real ms) it may take to become so on a busy machine. */
const LATEST = 20_000
const RUNS = Number(process.env.ABSENCE_RUNS ?? 24)
const SEED = Number(process.env.CHAOS_SEED ?? 20_261_130)
const AT_ONCE = 8

const FOLDERS = ['settings/kytos', 'boxes/net'] as const
const KEYS: readonly (readonly [key: Key, folder: number])[] = [
  [makeKey('settings', 'kytos', 'a'), 0],
  [makeKey('settings', 'kytos', 'b'), 0],
  [makeKey('settings', 'kytos', 'c'), 0],
  [makeKey('settings', 'kytos', 'd'), 0],
  [makeKey('boxes', 'net', 'one'), 1],
  [makeKey('boxes', 'net', 'two'), 1],
]

type Step =
  | { readonly type: 'commit' | 'delete' | 'edit'; readonly key: number }
  | { readonly type: 'remove'; readonly keys: readonly number[] }
  | { readonly type: 'away' | 'back' | 'copy' | 'older'; readonly folder: number }
  | { readonly type: 'restart' | 'restore' }
/** What is done, and whether the service is stopped for it. */
type Move = readonly [step: Step, stopped: boolean]

const key = fc.nat(KEYS.length - 1)
const folder = fc.nat(FOLDERS.length - 1)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant('commit' as const), key }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constantFrom('delete' as const, 'edit' as const), key }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('remove' as const),
      keys: fc.uniqueArray(key, { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('away' as const), folder }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('back' as const), folder }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constantFrom('copy' as const, 'older' as const), folder }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constantFrom('restart' as const, 'restore' as const) }) },
)
const moves: fc.Arbitrary<Move[]> = fc.array(fc.tuple(step, fc.boolean()), { minLength: 6, maxLength: 12 })

/**
 * A life that meets what random ones seldom do: documents that are changed, deleted and edited while their
 * folder is away.
 */
const RARE: readonly Move[] = [
  [{ type: 'away', folder: 0 }, false],
  [{ type: 'commit', key: 0 }, false],
  [{ type: 'delete', key: 1 }, false],
  [{ type: 'edit', key: 2 }, true],
  [{ type: 'restart' }, false],
  [{ type: 'back', folder: 0 }, false],
  [{ type: 'away', folder: 1 }, true],
  [{ type: 'delete', key: 4 }, false],
  [{ type: 'back', folder: 1 }, false],
  [{ type: 'copy', folder: 1 }, false],
  [{ type: 'delete', key: 5 }, false],
  [{ type: 'commit', key: 4 }, false],
  [{ type: 'older', folder: 1 }, true],
]

/** What there is to be: the texts of the documents, and of which the file is missing. */
class Model {
  readonly texts = new Map<Key, string>()
  readonly kept = new Set<Key>()
  /** What the files of a folder held that is away. */
  readonly aside = new Map<number, ReadonlySet<Key>>()
  /** What a copy of a folder holds. */
  readonly copies = new Map<number, ReadonlySet<Key>>()

  isThere(key: Key): boolean {
    return this.texts.has(key) && !this.kept.has(key)
  }

  put(key: Key, text: string | undefined): void {
    if (text === undefined) this.texts.delete(key)
    else this.texts.set(key, text)
    this.kept.delete(key)
  }

  remove(keys: readonly Key[], isRunning: boolean): void {
    for (const folder of FOLDERS.keys()) {
      const known = keysIn(folder).filter(key => this.texts.has(key))
      const gone = known.filter(key => keys.includes(key) && this.isThere(key))
      const there = known.filter(key => this.isThere(key) && !gone.includes(key))
      const isMeant = isRunning && (known.length === 1 || 2 * there.length >= known.length)
      for (const key of gone) {
        if (isMeant) this.texts.delete(key)
        else this.kept.add(key)
      }
    }
  }

  away(folder: number): void {
    const there = keysIn(folder).filter(key => this.isThere(key))
    this.aside.set(folder, new Set(there))
    for (const key of there) this.kept.add(key)
  }

  back(folder: number): void {
    this.#show(folder, this.aside.get(folder))
    this.aside.delete(folder)
  }

  copy(folder: number): void {
    this.copies.set(folder, new Set(keysIn(folder).filter(key => this.isThere(key))))
  }

  older(folder: number): void {
    this.#show(folder, this.copies.get(folder))
    this.copies.delete(folder)
  }

  /** Replaces the folder by another one with these files; their earlier content is no edit. */
  #show(folder: number, held: ReadonlySet<Key> | undefined): void {
    for (const key of keysIn(folder)) {
      if (!this.texts.has(key)) continue
      if (held?.has(key)) this.kept.delete(key)
      else this.kept.add(key)
    }
  }
}

class Life {
  readonly #path: string
  readonly #model = new Model()
  #store: Backend
  #count = 0

  constructor(path: string) {
    this.#path = path
    this.#store = this.#create()
  }

  async play(moves: readonly Move[]): Promise<void> {
    await this.#store.open()
    try {
      for (const [key] of KEYS) await this.#put(key)
      await this.#settle('the first commits')
      for (const [at, [step, stopped]] of moves.entries()) {
        const isBetween = stopped && ['away', 'back', 'copy', 'edit', 'older', 'remove'].includes(step.type)
        if (isBetween || step.type === 'restart') await this.#store.close()
        await this.#do(step, !isBetween)
        if (isBetween || step.type === 'restart') {
          this.#store = this.#create()
          await this.#store.open()
        }
        await this.#settle(`move ${at + 1} of ${JSON.stringify(moves)}`)
      }
    } finally {
      await this.#store.close()
    }
  }

  #create(): Backend {
    return createFilesystemBackend({ path: this.#path }, { report: () => {} })
  }

  async #do(step: Step, isRunning: boolean): Promise<void> {
    const model = this.#model
    if (step.type === 'restore') {
      expect(await this.#store.restoreFiles()).toEqual([...model.kept].sort())
      model.kept.clear()
    } else if (step.type === 'remove') {
      const keys = step.keys.map(at => keyAt(at)).filter(key => model.isThere(key))
      for (const key of keys) rmSync(this.#file(key))
      model.remove(keys, isRunning)
    } else if (step.type === 'away') {
      if (model.aside.has(step.folder) || !existsSync(this.#folder(step.folder))) return
      renameSync(this.#folder(step.folder), this.#aside(step.folder))
      model.away(step.folder)
    } else if (step.type === 'back') {
      if (!model.aside.has(step.folder)) return
      rmSync(this.#folder(step.folder), { recursive: true, force: true })
      renameSync(this.#aside(step.folder), this.#folder(step.folder))
      model.back(step.folder)
    } else if (step.type === 'copy') {
      if (!existsSync(this.#folder(step.folder))) return
      rmSync(this.#copy(step.folder), { recursive: true, force: true })
      cpSync(this.#folder(step.folder), this.#copy(step.folder), { recursive: true })
      model.copy(step.folder)
    } else if (step.type === 'older') {
      if (!model.copies.has(step.folder)) return
      rmSync(this.#folder(step.folder), { recursive: true, force: true })
      renameSync(this.#copy(step.folder), this.#folder(step.folder))
      model.older(step.folder)
    } else if ('key' in step) {
      if (step.type === 'commit') await this.#put(keyAt(step.key))
      else if (step.type === 'delete') await this.#delete(keyAt(step.key))
      else this.#edit(keyAt(step.key))
    }
  }

  async #put(key: Key): Promise<void> {
    const text = JSON.stringify({ data: ++this.#count })
    await this.#store.commit([{ key, put: text }])
    this.#model.put(key, text)
  }

  async #delete(key: Key): Promise<void> {
    await this.#store.commit([{ key, delete: true }])
    this.#model.put(key, undefined)
  }

  #edit(key: Key): void {
    const text = JSON.stringify({ data: ++this.#count, by: 'hand' })
    mkdirSync(dirname(this.#file(key)), { recursive: true })
    writeFileSync(this.#file(key), shown(text))
    this.#model.put(key, text)
  }

  /** Waits until the store equals the model, and checks that it stays equal. */
  async #settle(what: string): Promise<void> {
    const end = Date.now() + LATEST
    while (!(await this.#isSettled()) && Date.now() < end) await sleep(10)
    await sleep(CALM)
    expect(await this.#picture(), what).toEqual(this.#expected())
  }

  async #isSettled(): Promise<boolean> {
    return JSON.stringify(await this.#picture()) === JSON.stringify(this.#expected())
  }

  async #picture() {
    const texts: [string, string][] = []
    for await (const page of (await this.#store.list(EVERYTHING)).pages)
      for (const { key, text } of page) texts.push([key, text])
    const problems = this.#store.fileProblems().map(({ code, key }) => `${code} ${key}`)
    const files = KEYS.flatMap(([key]): [string, string][] => {
      return existsSync(this.#file(key)) ? [[key, readFileSync(this.#file(key), 'utf8')]] : []
    })
    const hidden = FOLDERS.flatMap((_, at) =>
      existsSync(this.#folder(at)) ? readdirSync(this.#folder(at)) : [],
    )
    return { texts, problems, files: files.sort(byKey), hidden: hidden.filter(name => name.startsWith('.')) }
  }

  #expected() {
    const { texts, kept } = this.#model
    const files = [...texts].flatMap(([key, text]): [string, string][] =>
      kept.has(key) ? [] : [[key, shown(text)]],
    )
    const problems = [...kept].sort().map(key => `FILE_MISSING ${key}`)
    return { texts: [...texts].sort(byKey), problems, files: files.sort(byKey), hidden: [] }
  }

  #file(key: Key): string {
    return `${join(this.#path, ...key.split('/'))}.json`
  }

  #folder(at: number): string {
    return join(this.#path, FOLDERS[at] ?? '')
  }

  #copy(at: number): string {
    return join(this.#path, `copy-${at}`)
  }

  #aside(at: number): string {
    return join(this.#path, `aside-${at}`)
  }
}

const { now } = performance
const { setTimeout: later } = globalThis
beforeAll(() => {
  performance.now = () => now.call(performance) * FASTER
  // The callback goes through as it is; only the delay is another one.
  globalThis.setTimeout = Object.assign(
    (act: () => void, delay = 0) => later(act, delay / FASTER),
    later,
  ) as typeof setTimeout
})
afterAll(() => {
  performance.now = now
  globalThis.setTimeout = later
})

describe('In any schedule of events in the folders of the readable files', () => {
  it('no document is deleted except by a commit, or by an operator that removes its file', {
    timeout: 600_000,
  }, async () => {
    const lives = [RARE, ...fc.sample(moves, { numRuns: RUNS - 1, seed: SEED })]
    for (let at = 0; at < lives.length; at += AT_ONCE) {
      await Promise.all(
        lives.slice(at, at + AT_ONCE).map(async life => {
          const path = await mkdtemp(join(tmpdir(), 'kytos-absence-'))
          try {
            await new Life(path).play(life)
          } finally {
            await rm(path, { recursive: true, force: true })
          }
        }),
      )
    }
  })
})

function keysIn(folder: number): Key[] {
  return KEYS.flatMap(([key, at]) => (at === folder ? key : []))
}

function keyAt(at: number): Key {
  const found = KEYS[at]?.[0]
  if (!found) throw new RangeError(`there is no key ${at}`)
  return found
}

function shown(text: string): string {
  return `${JSON.stringify(JSON.parse(text), null, 2)}\n`
}

function byKey([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : 1
}
