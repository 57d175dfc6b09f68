import { parseJson } from '../../../model/json.ts'
import { mergeLayers } from '../../../model/merge.ts'
import type { Json, JsonObject } from '../../../model/value.ts'
import type { Final, Heard, Listener, TokenSight } from '../history.ts'
import type { Commit, SimulatedStore, Stored, Told } from './simulator-store.ts'

const ANNOUNCED = /^(settings|controllers|schemas|boxes)\//

interface Ears {
  readonly name: string
  readonly kind: 'bus' | 'sse'
  readonly since: string | undefined
  readonly heard: Heard[]
  lasted: boolean
  /** How many facts of its controller it was given; undefined while it is not there. */
  connected: boolean
  given: number
  /** Its last id. */
  cursor: string | undefined
}

/** A controller that follows the store, with one listener on its bus and one reader of Server-Sent Events. */
export class SimulatedController {
  readonly id: string
  readonly #store: SimulatedStore
  readonly #now: () => bigint
  readonly #ears: Ears[] = []
  #bus: Ears
  readonly #reader: Ears
  #facts: { readonly name: string; readonly content: JsonObject }[] = []
  #known = new Map<string, Stored>()
  #epoch: number
  #revision: bigint
  present = true

  constructor(id: string, store: SimulatedStore, now: () => bigint) {
    this.id = id
    this.#store = store
    this.#now = now
    this.#known = new Map(store.texts)
    this.#epoch = store.epoch
    this.#revision = store.revision
    this.#bus = this.#add('bus', undefined)
    this.#reader = this.#add('sse', `${this.#epoch}.${this.#revision}.999999999`)
    this.#state('READY')
  }

  get listeners(): readonly Listener[] {
    return this.#ears.map(({ name, kind, since, heard, lasted }) => ({
      name,
      controller: this.id,
      kind,
      since,
      heard,
      lasted,
    }))
  }

  final(): Final {
    const at = [...this.#known].map(([key, { text }]) => [key, parseJson(text)] as const)
    const mine = at.filter(
      ([key]) => key.startsWith('settings/') || key.startsWith(`controllers/${this.id}/`),
    )
    return {
      controller: this.id,
      state: 'READY',
      epoch: this.#epoch,
      revision: this.#revision.toString(),
      repairs: 0,
      reconciles: 1,
      overrides: Object.fromEntries(mine) as Record<string, JsonObject>, // documents are objects here
      data: Object.fromEntries(mine.map(([key]) => [namespaceOf(key), this.#effective(namespaceOf(key))])),
      boxes: Object.fromEntries(
        at.flatMap(([key, box]) => (key.startsWith('boxes/') ? [[key, (box as { data: Json }).data]] : [])),
      ),
    }
  }

  /** Whether it accepts a token, from what it knows, as a right controller says it. */
  sight(key: string): TokenSight {
    const isKnown = this.#known.has(key)
    const verdict = isKnown ? 'accepted' : this.present ? 'TOKEN_INVALID' : 'STORE_STALE'
    return {
      verdict,
      state: this.present ? 'READY' : 'STALE',
      epoch: this.#epoch,
      revision: this.#revision.toString(),
    }
  }

  away(): void {
    if (this.present) this.#state('STALE')
    this.present = false
  }

  /** Hears what it missed, or the difference when that was taken. */
  back(isLost: boolean): void {
    if (isLost || this.#epoch !== this.#store.epoch) this.#relist()
    else for (const commit of this.#store.after(this.#revision)) this.#take(commit)
    if (!this.present) this.#state('READY')
    this.present = true
  }

  readerAway(): void {
    this.#reader.connected = false
  }

  readerBack(): void {
    this.#reader.connected = true
    for (const { name, content } of this.#facts.slice(this.#reader.given)) {
      this.#hear(this.#reader, name, content.origin === 'resync' ? content : { ...content, origin: 'replay' })
    }
    this.#reader.given = this.#facts.length
  }

  /** Its process dies, and another one begins that knows nothing; a reader resumes with a snapshot. */
  restart(): void {
    this.#bus.lasted = false
    this.#bus.connected = false
    this.#known = new Map(this.#store.texts)
    this.#epoch = this.#store.epoch
    this.#revision = this.#store.revision
    this.#facts = []
    this.#reader.given = 0
    this.#reader.connected = true
    this.present = true
    this.#bus = this.#add('bus', undefined)
    this.#state('READY')
    const [epoch, revision] = [this.#epoch, this.#revision.toString()]
    const cursor = `${epoch}.${revision}.999999999`
    if (this.#reader.cursor === cursor) return
    const documents = [...this.#known.keys()].filter(key => /^(settings|controllers)\//.test(key))
    const namespaces = Object.fromEntries(
      documents.map(key => [namespaceOf(key), { data: this.#effective(namespaceOf(key)), revision: '0' }]),
    )
    this.#hear(this.#reader, 'settings.snapshot', { namespaces, epoch, revision, cursor })
  }

  #add(kind: 'bus' | 'sse', since: string | undefined): Ears {
    const name = `${kind} ${this.#ears.length + 1} of ${this.id}`
    const ears: Ears = {
      name,
      kind,
      since,
      heard: [],
      lasted: true,
      connected: true,
      given: 0,
      cursor: since,
    }
    this.#ears.push(ears)
    return ears
  }

  #take({ revision, changes, told, epoch }: Commit): void {
    for (const { key, text } of changes)
      if (key.startsWith('tokens/')) this.#learn(key, text === undefined ? undefined : { text, revision })
    const keys = changes.filter(({ key }) => ANNOUNCED.test(key)).sort((a, b) => (a.key < b.key ? -1 : 1))
    const after = new Map(
      keys.map(({ key, text }) => [key, text === undefined ? undefined : { text, revision }]),
    )
    this.#tell(after, told, `${epoch}.${revision}`, 'live')
    this.#revision = revision
  }

  #relist(): void {
    const { texts, epoch, revision } = this.#store
    const keys = new Set([...texts.keys(), ...this.#known.keys()])
    for (const key of keys) if (key.startsWith('tokens/')) this.#learn(key, texts.get(key))
    const differing = [...keys]
      .filter(key => ANNOUNCED.test(key) && !isSame(texts.get(key), this.#known.get(key)))
      .sort()
    this.#epoch = epoch
    this.#tell(
      new Map(differing.map(key => [key, texts.get(key)])),
      this.#store.told,
      `${epoch}.${revision}`,
      'resync',
    )
    this.#revision = revision
  }

  /**
   * Says what became of these keys, in their order. What one commit did to a namespace is told at once, by
   * the first fact that counts here.
   */
  #tell(
    after: ReadonlyMap<string, Stored | undefined>,
    told: ReadonlyMap<string, Told>,
    place: string,
    origin: string,
  ): void {
    const existed = new Map([...after.keys()].map(key => [key, this.#known.has(key)]))
    for (const [i, key] of [...after.keys()].entries()) {
      const before = this.#effective(namespaceOf(key))
      this.#learn(key, after.get(key))
      const { comment } = told.get(key) ?? {}
      for (const other of this.#counts(key) && typeof comment === 'string' ? after.keys() : []) {
        if (namespaceOf(other) === namespaceOf(key) && told.get(other)?.comment === comment)
          this.#learn(other, after.get(other))
      }
      const kind = after.get(key) ? (existed.get(key) ? 'updated' : 'created') : 'deleted'
      this.#change(key, kind, before, told.get(key), {
        cursor: `${place}.${placeOf(i, after.size, origin)}`,
        origin,
      })
    }
  }

  #counts(key: string): boolean {
    return key.startsWith('settings/') || key.startsWith(`controllers/${this.id}/`)
  }

  #change(
    key: string,
    kind: string,
    previous: JsonObject,
    told: Told | undefined,
    place: { readonly cursor: string; readonly origin: string },
  ): void {
    const common = { kind, ...place, revision: place.cursor.split('.')[1] ?? '' }
    const parts = key.split('/')
    const { version = 0, actor = null, comment = null } = told ?? {}
    if (parts[0] === 'boxes') {
      this.#say('box.changed', {
        namespace: parts[1] ?? '',
        box_id: parts[2] ?? '',
        ...common,
        actor: kind === 'deleted' ? null : actor,
      })
      return
    }
    const isSchema = parts[0] === 'schemas'
    const namespace = isSchema ? parts.slice(1, 3).join('/') : namespaceOf(key)
    const scope = isSchema ? 'schema' : parts[0] === 'settings' ? 'cluster' : `controller:${parts[1]}`
    const data = this.#effective(namespace)
    const epoch = Number(place.cursor.split('.')[0])
    this.#say('settings.changed', {
      ...{
        namespace,
        scope,
        data,
        previous: isSchema ? data : previous,
        changes: [],
        version,
        epoch,
        actor,
        comment,
      },
      ...common,
    })
  }

  #learn(key: string, after: Stored | undefined): void {
    if (after) this.#known.set(key, after)
    else this.#known.delete(key)
  }

  #say(name: string, content: JsonObject): void {
    this.#facts.push({ name, content })
    for (const ears of this.#ears) {
      if (!ears.connected) continue
      this.#hear(ears, name, content)
      ears.given = this.#facts.length
    }
  }

  #state(state: string): void {
    const content = {
      state,
      epoch: this.#epoch,
      revision: this.#revision.toString(),
      since: '',
      reason: null,
    }
    for (const ears of this.#ears) if (ears.connected) this.#hear(ears, 'settings.state', content)
  }

  #hear(ears: Ears, name: string, content: JsonObject): void {
    if (typeof content.cursor === 'string') ears.cursor = content.cursor
    ears.heard.push({ name, content, at: this.#now() })
  }

  #effective(namespace: string): JsonObject {
    const keys = [`settings/${namespace}`, `controllers/${this.id}/${namespace}`]
    // Documents are objects here.
    return mergeLayers(
      keys.flatMap(key =>
        this.#known.has(key) ? [parseJson(this.#known.get(key)?.text ?? '') as JsonObject] : [],
      ),
    )
  }
}

function namespaceOf(key: string): string {
  return key.split('/').slice(-2).join('/')
}

function isSame(a: Stored | undefined, b: Stored | undefined): boolean {
  return a?.text === b?.text && a?.revision === b?.revision
}

/**
 * The last part of the cursor of a fact: the facts of a difference have places of their own, and the last one
 * the end of the revision.
 */
function placeOf(i: number, count: number, origin: string): number {
  if (origin !== 'resync') return i + 1
  return i === count - 1 ? 999_999_999 : 500_000_001 + i
}
