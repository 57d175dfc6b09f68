import type { Operation } from '../../../backends/backend.ts'
import type { KytosEvent } from '../../../events/event.ts'
import type { Feed } from '../../../events/feed.ts'
import type { Facts } from '../../../events/map.ts'
import { type Cursor, compareCursors, parseCursor } from '../../../model/cursor.ts'
import { parseJson } from '../../../model/json.ts'
import type { Key } from '../../../model/key.ts'
import { EVERYTHING_VISIBLE } from '../../../model/rights/visibility.ts'
import { equalJson, type Json } from '../../../model/value.ts'
import { filterFact } from '../../../src/http/events/fact-output.ts'
import { FactReader } from '../../../src/http/events/fact-reader.ts'
import type { World } from './world.ts'

/*
 * Readers that go from controller to controller with their last cursor, and the history of the store that
 * each of their frames is held against: after every frame a reader knows exactly what the store held at the
 * cursor of that frame.
 */

/** The store at a cursor: what each key of settings and boxes held. */
export type State = ReadonlyMap<Key, string>

const ANNOUNCED = /^(?:boxes|controllers|schemas|settings)\//
const KNOWN = /^(?:boxes|settings)\//

/** What the store went through: several lives where it was put back. */
export class Truth {
  readonly #world: World
  readonly #ended: (readonly (readonly Operation[])[])[] = []

  constructor(world: World) {
    this.#world = world
  }

  /** The life of the store so far ends here; call it before the store is put back. */
  end(): void {
    this.#ended.push([...this.#world.commits()])
  }

  /** The state at a cursor; undefined where no life of the store had such an epoch at such a revision. */
  at({ epoch, revision, n }: Cursor): State | undefined {
    for (const life of [...this.#ended, this.#world.commits()]) {
      if (BigInt(life.length) < revision) continue
      const state = new Map<Key, string>()
      for (const operations of life.slice(0, Number(revision) - 1))
        for (const change of changesOf(operations, state)) apply(change, state)
      const changes = changesOf(life[Number(revision) - 1] ?? [], state)
      let announced = 0
      for (const change of changes) {
        if (ANNOUNCED.test(change.key) && ++announced > n) continue
        apply(change, state)
      }
      if (epochIn(state) === epoch) return state
    }
    return undefined
  }

  now(): State {
    const state = new Map<Key, string>()
    for (const operations of this.#world.commits())
      for (const change of changesOf(operations, state)) apply(change, state)
    return state
  }
}

interface Change {
  readonly key: Key
  readonly text: string | undefined
}

/** The changes of a commit in byte order; a deletion of what is not there is none. */
function changesOf(operations: readonly Operation[], state: State): Change[] {
  return operations
    .flatMap((operation): Change[] => {
      if ('put' in operation) return [{ key: operation.key, text: operation.put }]
      return 'delete' in operation && state.has(operation.key)
        ? [{ key: operation.key, text: undefined }]
        : []
    })
    .sort((a, b) => (a.key < b.key ? -1 : 1))
}

function apply({ key, text }: Change, state: Map<Key, string>): void {
  if (text === undefined) state.delete(key)
  else state.set(key, text)
}

function epochIn(state: State): number {
  const meta = [...state].find(([key]) => key === 'meta/store')?.[1]
  return meta === undefined ? 0 : Number(Object(parseJson(meta)).epoch)
}

/**
 * When a reader loses its line: after so many frames, or within the next difference, after so many of its
 * facts.
 */
export interface End {
  readonly frames: number
  readonly parts: number
}

const NEVER: End = { frames: Number.POSITIVE_INFINITY, parts: Number.POSITIVE_INFINITY }

/** One reader that roams. */
export class Roamer {
  readonly name: string
  /** What it should not have heard, in sentences. */
  readonly faults: string[] = []
  /** Every frame, as text. */
  readonly heard: string[] = []
  readonly #truth: Truth
  readonly #namespaces: ReadonlySet<string>
  readonly #settings = new Map<string, Json>()
  readonly #boxes = new Set<string>()
  #cursor = '0'
  #reader: FactReader | undefined
  #endsAfter: End = NEVER
  snapshots = 0

  constructor(name: string, truth: Truth, namespaces: readonly string[] = []) {
    this.name = name
    this.#truth = truth
    this.#namespaces = new Set(namespaces)
  }

  /** Leaves where it is and goes on at this feed, with its last cursor. */
  join(feed: Feed, where: string, end = NEVER): void {
    this.leave()
    this.#endsAfter = end
    this.heard.push(`joins ${where} at ${this.#cursor}`)
    const reader = new FactReader({
      feed,
      since: this.#cursor,
      visibility: EVERYTHING_VISIBLE,
      filter: event => filterFact(event, this.#namespaces),
      unsentBytes: () => 0,
      send: (event, cursor) => this.#take(event, cursor),
      onTooSlow: () => {},
    })
    this.#reader = reader
    reader.start()
    this.#look()
  }

  /** Hangs up; sometimes it was shown its place before. */
  leave(wasShown = false): void {
    if (wasShown) this.#cursor = this.#reader?.cursor ?? this.#cursor
    this.#reader?.stop()
    this.#reader = undefined
  }

  /** What it knows now is what the store holds; else why not. */
  judgeEnd(): void {
    const differs = this.#compare(this.#truth.now())
    if (differs) this.#fault(`ends at ${this.#cursor} and ${differs}`)
  }

  #take({ name, content }: KytosEvent, cursor: string | undefined): void {
    if (cursor === undefined) return
    this.heard.push(
      `${name} ${cursor} ${JSON.stringify(content, (_key, value) => (typeof value === 'bigint' ? String(value) : value))}`,
    )
    this.#place(cursor, name === 'settings.snapshot' ? 0 : 1)
    // The names say which content it is.
    if (name === 'settings.snapshot') this.#takeSnapshot(content as Facts['settings.snapshot'], cursor)
    else if (name === 'settings.changed') this.#takeChanged(content as Facts['settings.changed'])
    else if (name === 'box.changed') this.#takeBox(content as Facts['box.changed'])
    const part = isPart(content)
    if (!part) this.#judge(cursor)
    const { frames, parts } = this.#endsAfter
    this.#endsAfter = { frames: frames - 1, parts: part ? parts - 1 : parts }
    this.#look()
  }

  #look(): void {
    const { frames, parts } = this.#endsAfter
    if (frames <= 0 || parts <= 0) this.#reader?.stop()
  }

  /** Replaces what is known; boxes are listed anew, as bus.md says. */
  #takeSnapshot({ namespaces }: Facts['settings.snapshot'], cursor: string): void {
    this.snapshots++
    this.#settings.clear()
    for (const [namespace, { data }] of Object.entries(namespaces)) this.#settings.set(namespace, data)
    this.#boxes.clear()
    for (const key of this.#truth.at(parseCursor(cursor))?.keys() ?? [])
      if (key.startsWith('boxes/')) this.#boxes.add(key)
  }

  #takeChanged({ namespace, data, previous, kind, cursor }: Facts['settings.changed']): void {
    const known = this.#settings.get(namespace) ?? {}
    if (!equalJson(previous, known))
      this.#fault(`${namespace} was ${print(known)}, but previous is ${print(previous)} at ${cursor}`)
    if (kind === 'deleted') this.#settings.delete(namespace)
    else this.#settings.set(namespace, data)
  }

  #takeBox({ namespace, box_id, kind, cursor }: Facts['box.changed']): void {
    const key = `boxes/${namespace}/${box_id}`
    if (this.#boxes.has(key) === (kind === 'created'))
      this.#fault(`${key} is ${kind} at ${cursor}, and was ${this.#boxes.has(key) ? 'there' : 'not'}`)
    if (kind === 'deleted') this.#boxes.delete(key)
    else this.#boxes.add(key)
  }

  #place(cursor: string, least: 0 | 1): void {
    if (compareCursors(parseCursor(cursor), parseCursor(this.#cursor)) < least)
      this.#fault(`${cursor} came after ${this.#cursor}`)
    this.#cursor = cursor
  }

  #judge(cursor: string): void {
    const state = this.#truth.at(parseCursor(cursor))
    if (!state) this.#fault(`${cursor} is a place that the store never had`)
    const differs = state && this.#compare(state)
    if (differs) this.#fault(`at ${cursor} ${differs}`)
  }

  #compare(state: State): string | undefined {
    const truth = [...state]
      .filter(([key]) => KNOWN.test(key) && this.#follows(key))
      .map(([key, text]) => (key.startsWith('boxes/') ? key : `${key} ${text}`))
    const known = [
      ...[...this.#settings].map(([namespace, data]) => `settings/${namespace} ${print(data)}`),
      ...this.#boxes,
    ].filter(one => this.#follows(one))
    return equalJson(truth.sort(), known.sort())
      ? undefined
      : `knows ${print(known)}; the store had ${print(truth)}`
  }

  #follows(key: string): boolean {
    if (this.#namespaces.size === 0) return true
    const [kind, first = '', second = ''] = key.split(/[/ ]/)
    return this.#namespaces.has(kind === 'boxes' ? first : `${first}/${second}`)
  }

  #fault(what: string): void {
    this.faults.push(`${this.name}: ${what}`)
  }
}

/**
 * True within a difference: what is known then is no state of the store before the last of it was heard. Only
 * a difference has such cursors.
 */
function isPart(content: unknown): boolean {
  const { origin, cursor } = Object(content)
  return origin === 'resync' && /\.[5-9]\d{8}$/.test(cursor) && !cursor.endsWith('.999999999')
}

function print(value: Json): string {
  return JSON.stringify(value, (_key, member) => (typeof member === 'bigint' ? String(member) : member))
}
