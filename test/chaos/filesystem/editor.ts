import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isSettingsError } from '../../../model/errors.ts'
import { parseJson, printJson } from '../../../model/json.ts'
import { makeKey } from '../../../model/key.ts'
import { isObject, type JsonObject } from '../../../model/value.ts'
import type { Random } from '../random.ts'

/** What a person saved. */
export interface HandEdit {
  /** The document, such as `settings/kytos/a`. */
  readonly key: string
  /** Stands in no other text that was ever stored. */
  readonly value: string
  readonly style: string
  /**
   * It was saved into the very file that was read, so nothing that was committed meanwhile may be undone by
   * it.
   */
  readonly gentle: boolean
  /** It was saved where the store has to find it. */
  readonly owed: boolean
}

/**
 * How long (ms) somebody who holds a file open may take, when it is replaced meanwhile, for the edit to be
 * owed all the same.
 */
const QUICK = 30
/** Documents that only compare-and-set may touch. */
const SPARED = /^register/
/** A document of the editor's own. */
const OWN = join('kytos', 'hands.json')

type Save = (
  file: string,
  member: string,
  value: string,
) => Promise<Pick<HandEdit, 'gentle' | 'owed'> | undefined>

/**
 * A person with several editors, who sets a member of its own with each edit of a readable file of settings.
 */
export class Editor {
  readonly edits: HandEdit[] = []
  readonly #root: string
  readonly #random: Random
  #count = 0

  constructor(store: string, random: Random) {
    this.#root = join(store, 'settings')
    this.#random = random
  }

  /**
   * Edits one file in one of the ways in which editors save; a file that cannot be read at this moment is
   * left alone.
   */
  async edit(): Promise<void> {
    const file = this.#choose()
    const [style, save] = this.#random.pick(this.#styles)
    const value = `by hand ${++this.#count}.`
    const saved = await save(file, `hand_${this.#count}`, value)
    const [username = '', name = ''] = file.slice(this.#root.length + 1, -'.json'.length).split('/')
    if (saved)
      this.edits.push({
        key: makeKey('settings', decodeURIComponent(username), decodeURIComponent(name)),
        value,
        style,
        ...saved,
      })
  }

  get #styles(): readonly (readonly [string, Save])[] {
    return [
      ['in place', async (...args) => this.#inPlace(...args)],
      ['in pieces', (...args) => this.#inPieces(...args)],
      ['by renaming', async (...args) => this.#byRenaming(...args)],
      ['deleted and made again', (...args) => this.#madeAgain(...args)],
      ['broken, then good', (...args) => this.#brokenFirst(...args)],
    ]
  }

  #choose(): string {
    const files = existsSync(this.#root)
      ? readdirSync(this.#root, { withFileTypes: true, recursive: true }).filter(
          item =>
            item.isFile() &&
            item.name.endsWith('.json') &&
            !item.name.startsWith('.') &&
            !SPARED.test(item.name),
        )
      : []
    const own = join(this.#root, OWN)
    if (files.length > 0 && this.#random.chance(0.9)) {
      const chosen = this.#random.pick(files.sort((a, b) => (a.name < b.name ? -1 : 1)))
      return join(chosen.parentPath, chosen.name)
    }
    mkdirSync(dirname(own), { recursive: true })
    if (!existsSync(own)) writeFileSync(own, '{}\n')
    return own
  }

  /** Reads, empties and writes the file by one descriptor, all at once. */
  #inPlace(file: string, member: string, value: string): ReturnType<typeof verdict> | undefined {
    return withFile(file, fd => {
      const begun = performance.now()
      const text = edited(readAll(fd), member, value)
      if (text === undefined) return undefined
      ftruncateSync(fd, 0)
      writeSync(fd, text, 0)
      return verdict(file, fd, begun)
    })
  }

  /** The same, bit by bit. */
  async #inPieces(file: string, member: string, value: string) {
    const fd = openOrNot(file)
    if (fd === undefined) return undefined
    try {
      const begun = performance.now()
      const text = edited(readAll(fd), member, value)
      if (text === undefined) return undefined
      ftruncateSync(fd, 0)
      const cut = this.#random.between(0, text.length)
      writeSync(fd, text.slice(0, cut), 0)
      await sleep(this.#random.between(0, 60))
      writeSync(fd, text.slice(cut), Buffer.byteLength(text.slice(0, cut)))
      return verdict(file, fd, begun)
    } finally {
      closeSync(fd)
    }
  }

  #byRenaming(file: string, member: string, value: string) {
    const text = edited(readOrNot(file), member, value)
    if (text === undefined) return undefined
    const temporary = join(dirname(file), `.${member}.swp`)
    writeFileSync(temporary, text)
    renameSync(temporary, file)
    return { gentle: false, owed: true }
  }

  async #madeAgain(file: string, member: string, value: string) {
    const text = edited(readOrNot(file), member, value)
    if (text === undefined) return undefined
    rmSync(file, { force: true })
    await sleep(this.#random.between(0, 500))
    writeFileSync(file, text)
    return { gentle: false, owed: true }
  }

  async #brokenFirst(file: string, member: string, value: string) {
    const text = edited(readOrNot(file), member, value)
    if (text === undefined) return undefined
    writeFileSync(file, text.slice(0, Math.floor(text.length * this.#random.next())))
    await sleep(this.#random.between(0, 800))
    // A person who saves again does not look what happened to the file meanwhile; saving replaces it, as many
    // editors do.
    const temporary = join(dirname(file), `.${member}.swp`)
    writeFileSync(temporary, text)
    renameSync(temporary, file)
    return { gentle: false, owed: true }
  }
}

/**
 * The file was not replaced while it was held open, or so lately that the store looks at what it replaced
 * once more.
 */
function verdict(file: string, fd: number, begun: number): Pick<HandEdit, 'gentle' | 'owed'> {
  const isSame = statSync(file, { throwIfNoEntry: false })?.ino === fstatSync(fd).ino
  const isSound = isSame || performance.now() - begun < QUICK
  return { gentle: isSound, owed: isSound }
}

/**
 * The text with one more member, as a person would write it; undefined when it is not JSON at this moment.
 */
function edited(text: string | undefined, member: string, value: string): string | undefined {
  const object = text === undefined ? undefined : objectOrNot(text)
  return object && `${printJson({ ...object, [member]: value }, 2)}\n`
}

function objectOrNot(text: string): JsonObject | undefined {
  try {
    const value = parseJson(text)
    return isObject(value) ? value : undefined
  } catch (error) {
    if (isSettingsError(error, 'JSON_MALFORMED')) return undefined
    throw error
  }
}

function withFile<T>(file: string, work: (fd: number) => T): T | undefined {
  const fd = openOrNot(file)
  if (fd === undefined) return undefined
  try {
    return work(fd)
  } finally {
    closeSync(fd)
  }
}

function readOrNot(file: string): string | undefined {
  return withFile(file, readAll)
}

function readAll(fd: number): string {
  return readFileSync(fd, 'utf8')
}

function openOrNot(file: string): number | undefined {
  try {
    return openSync(file, 'r+')
  } catch (error) {
    // The store takes a file away when its document is deleted.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
