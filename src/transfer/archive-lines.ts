import { createHash } from 'node:crypto'
import { type Entry, parseRevision, printRevision } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import { parseJson, printJson } from '../../model/json.ts'
import { parseKey } from '../../model/key.ts'
import { isObject, type JsonObject } from '../../model/value.ts'
import type { StoreSnapshot } from './store-snapshot.ts'
import { isArchived } from './transferred-content.ts'

/*
 * An archive is gzip of lines of JSON: a header, one line for each entry in byte order of the keys, and an
 * end with their number and the SHA-256 of all lines before it. A truncation or a change anywhere is detected
 * before any content is used.
 */

/** The version of archives that this release writes; a higher one was written by a newer release. */
const FORMAT = 1

/** Prints the lines of a snapshot, each with its newline. */
export function* printLines(snapshot: StoreSnapshot): Generator<string> {
  const hash = createHash('sha256')
  const line = (value: JsonObject): string => {
    const text = `${printJson(value)}\n`
    hash.update(text)
    return text
  }
  const { store, epoch, revision, at, entries } = snapshot
  yield line({ kytos_settings_archive: FORMAT, store, epoch, revision: printRevision(revision), at })
  for (const { key, text, modRevision: changed, createRevision: created } of entries) {
    yield line({ key, text, revision: printRevision(changed), created: printRevision(created) })
  }
  yield `${printJson({ entries: entries.length, sha256: hash.digest('hex') })}\n`
}

/** Reads the lines of an archive one by one, and returns the snapshot after the last one. */
export class ArchiveReader {
  readonly #name: string
  readonly #hash = createHash('sha256')
  readonly #entries: Entry[] = []
  #head: Omit<StoreSnapshot, 'entries'> | undefined
  #ended = false

  /** `name` is the archive's name in messages. */
  constructor(name: string) {
    this.#name = name
  }

  /** Reads a line without its newline. @throws SettingsError STORE_DAMAGED, STORE_FORMAT. */
  take(line: string): void {
    if (this.#ended) throw this.damaged('data follows its last line')
    const value = this.#parse(line)
    if (this.#head && value.key === undefined) {
      this.#end(value)
      return
    }
    if (this.#head) this.#entries.push(this.#parseEntry(value))
    else this.#head = this.#parseHead(value)
    this.#hash.update(`${line}\n`)
  }

  /** @throws SettingsError STORE_DAMAGED when the last line has not been read. */
  finish(): StoreSnapshot {
    if (!this.#head || !this.#ended) throw this.damaged('it is truncated')
    return { ...this.#head, entries: this.#entries }
  }

  damaged(why: string, cause?: unknown): SettingsError {
    return new SettingsError(
      'STORE_DAMAGED',
      `${this.#name} is not a complete settings archive: ${why}. Nothing was written. Use another backup.`,
      {
        cause,
      },
    )
  }

  #parse(line: string): JsonObject {
    try {
      const value = parseJson(line)
      if (isObject(value)) return value
    } catch (cause) {
      throw this.damaged('a line cannot be read', cause)
    }
    throw this.damaged('a line is not a JSON object')
  }

  #parseHead({
    kytos_settings_archive: format,
    store,
    epoch,
    revision,
    at,
  }: JsonObject): Omit<StoreSnapshot, 'entries'> {
    if (typeof format !== 'number') throw this.damaged('its first line is not an archive header')
    if (format > FORMAT) {
      throw new SettingsError(
        'STORE_FORMAT',
        `${this.#name} has format ${format}; this release reads formats up to ${FORMAT}. Update kytos-settings.`,
      )
    }
    const counted = typeof revision === 'string' ? parseRevision(revision) : undefined
    if (
      typeof store !== 'string' ||
      typeof epoch !== 'number' ||
      typeof at !== 'string' ||
      counted === undefined
    )
      throw this.damaged('its header is invalid')
    return { store, epoch, revision: counted, at }
  }

  #parseEntry({ key: name, text, revision, created }: JsonObject): Entry {
    const key = typeof name === 'string' ? parseKey(name) : undefined
    const changed = typeof revision === 'string' ? parseRevision(revision) : undefined
    const made = typeof created === 'string' ? parseRevision(created) : undefined
    if (!key || !isArchived(key) || typeof text !== 'string' || changed === undefined || made === undefined)
      throw this.damaged('an entry is invalid')
    if (key <= (this.#entries.at(-1)?.key ?? '')) throw this.damaged(`${key} is out of order`)
    return { key, text, modRevision: changed, createRevision: made }
  }

  #end({ entries, sha256 }: JsonObject): void {
    if (entries !== this.#entries.length)
      throw this.damaged(`it has ${this.#entries.length} entries instead of ${entries}`)
    if (sha256 !== this.#hash.digest('hex')) throw this.damaged('its checksum does not match')
    this.#ended = true
  }
}
