import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Backend, Operation } from '../../backends/backend.ts'
import { parseMethod, parseValue } from '../../events/content.ts'
import type { Handlers } from '../../events/event.ts'
import type { CommandContent } from '../../events/map.ts'
import type { Box } from '../../events/nouns.ts'
import type { Actor } from '../../model/actor.ts'
import type { Entry, Revision } from '../../model/document.ts'
import { isSettingsError, SettingsError } from '../../model/errors.ts'
import type { ExpectedRevision } from '../../model/expected-revision.ts'
import { printJson } from '../../model/json.ts'
import { type Key, splitKey } from '../../model/key.ts'
import { KeyedMutex } from '../../model/keyed-mutex.ts'
import { freshenEpoch, META_KEY } from '../watcher/epoch.ts'
import type { Watcher } from '../watcher/watcher.ts'
import {
  boxKey,
  parseBox,
  parseBoxGuard,
  parseCreationTime,
  parseName,
  presentStoredBox,
  printBox,
  readEnvelope,
  type StoredBox,
} from './box.ts'
import { boxNotFound, contention, deletionUnknown, refuseMismatch, writeUnknown } from './box-errors.ts'
import { updateMembers } from './update-members.ts'

export interface BoxServiceOptions {
  readonly backend: Backend
  readonly watcher: Watcher
}

/** A box without the command that writes it. */
type BoxContent = Omit<StoredBox, 'writeId'>
type Content<N extends 'create' | 'retrieve' | 'update' | 'delete' | 'list'> =
  CommandContent<`kytos.storehouse.${N}`>

/** How long a change is retried after lost races. */
const LOST_RACE_RETRY_MS = 5_000
/** The bytes that an entry needs in addition to the data of its box. */
const ENVELOPE_BYTES = 64 * 1024

/**
 * Answers `kytos.storehouse.*` as storehouse 1.3.2 does, without its bugs: boxes of any JSON value, guarded
 * by their revision (with an epoch, in the store of that epoch only), announced by the watcher. Boxes are
 * read from the store, because the cache has only their keys.
 *
 * Invariant: one command has at most one effect. It is retried from a fresh read only after a lost race,
 * because the store guarantees that a lost commit is never applied. It is never retried after
 * OUTCOME_UNKNOWN, because other callers create and delete the same boxes: a creation would come back after
 * its deletion, and a deletion would also remove the box that was created after it.
 */
export class BoxService {
  readonly #options: BoxServiceOptions
  readonly #mutex = new KeyedMutex()
  /** The handlers of this service, by command. */
  readonly handlers = {
    'kytos.storehouse.create': (content, { actor }) => this.create(content, actor),
    'kytos.storehouse.retrieve': content => this.retrieve(content),
    'kytos.storehouse.update': (content, { actor }) => this.update(content, actor),
    'kytos.storehouse.delete': content => this.delete(content),
    'kytos.storehouse.list': content => this.list(content),
  } satisfies Partial<Handlers>

  constructor(options: BoxServiceOptions) {
    this.#options = options
  }

  /** Creates a box; without `box_id` with a random one. @throws SettingsError DOCUMENT_EXISTS. */
  async create(content: Content<'create'>, actor: Actor): Promise<Box> {
    const key = boxKey(content.namespace, content.box_id ?? randomUUID().replaceAll('-', ''))
    const data = parseValue(content.data, 'data')
    const owner = typeof content.owner === 'string' && content.owner !== '' ? content.owner : null
    const createdAt = parseCreationTime(content.created_at, actor)
    const make = (entry: Entry | undefined): BoxContent => {
      if (entry)
        throw new SettingsError(
          'DOCUMENT_EXISTS',
          `The box "${splitKey(key).segments.join('/')}" already exists. Change it with update.`,
        )
      return { data, created_at: createdAt ?? new Date().toISOString(), owner }
    }
    return this.#change(key, actor, make, { isNew: true })
  }

  async retrieve(content: Content<'retrieve'>): Promise<Box | false> {
    const key = boxKey(content.namespace, content.box_id)
    // Before the read: an epoch that ended meanwhile fulfils no guard, and one that began later would.
    const { epoch } = this.#options.watcher.cache
    const entry = await this.#options.backend.get(key)
    return entry ? presentStoredBox(entry, epoch) : false
  }

  /**
   * PATCH replaces the members of the box that `data` has, at the top level only, null included; PUT replaces
   * the value.
   * @throws SettingsError BOX_NOT_FOUND, REVISION_MISMATCH.
   */
  async update(content: Content<'update'>, actor: Actor): Promise<Box> {
    const method = parseMethod(content.method, ['PATCH', 'PUT'], 'PATCH')
    const expected = parseBoxGuard(content.revision)
    const key = boxKey(content.namespace, content.box_id)
    const data = parseValue(content.data, 'data')
    const make = (entry: Entry | undefined): BoxContent => {
      if (!entry) throw boxNotFound(key)
      this.#refuseMismatch(entry, expected)
      if (method === 'PUT') return { ...readEnvelope(entry), data }
      const box = parseBox(entry)
      return { ...box, data: updateMembers(box.data, data) }
    }
    return this.#change(key, actor, make, { expected })
  }

  /** True when the box existed. @throws SettingsError REVISION_MISMATCH unless it is as expected. */
  async delete(content: Content<'delete'>): Promise<boolean> {
    const key = boxKey(content.namespace, content.box_id)
    const expected = parseBoxGuard(content.revision)
    this.#requireReady()
    await this.#freshenEpoch(expected)
    return this.#mutex.run(key, async () => {
      const { backend, watcher } = this.#options
      const deadline = performance.now() + LOST_RACE_RETRY_MS
      const { position } = watcher
      for (;;) {
        const ofStore = this.#conditions(expected)
        const entry = await backend.get(key)
        if (!entry) return false
        this.#refuseMismatch(entry, expected)
        const { modRevision } = entry
        const deletion: Operation = { key, delete: true, expected: modRevision, marker: true }
        const outcome = await this.#commit([deletion, ...ofStore], modRevision)
        if (outcome.committed) {
          await watcher.passed(outcome.revision, position)
          return true
        }
        if (performance.now() > deadline) throw contention(key, LOST_RACE_RETRY_MS / 1_000)
      }
    })
  }

  /** Box ids in the order of their creation; none for an unknown namespace. */
  async list(content: Content<'list'>): Promise<readonly string[]> {
    return this.#options.watcher.cache
      .boxes(parseName(content.namespace, 'namespace'))
      .map(key => splitKey(key).segments[1] ?? '')
  }

  /**
   * Commits a change of a box. A new one is not read first, because the commit's guard shows it.
   */
  async #change(
    key: Key,
    actor: Actor,
    make: (entry: Entry | undefined) => BoxContent,
    {
      isNew = false,
      expected,
    }: { readonly isNew?: boolean; readonly expected?: ExpectedRevision | undefined },
  ): Promise<Box> {
    this.#requireReady()
    await this.#freshenEpoch(expected)
    return this.#mutex.run(key, async () => {
      const { backend, watcher } = this.#options
      const deadline = performance.now() + LOST_RACE_RETRY_MS
      const { position } = watcher
      for (let attempt = 1; ; attempt++) {
        const isGuess = isNew && attempt === 1
        const { epoch } = watcher.cache
        const ofStore = this.#conditions(expected)
        const entry = isGuess ? undefined : await backend.get(key)
        const writeId = randomUUID()
        const box = { ...make(entry), writeId }
        const text = printBox(box, actor, new Date().toISOString())
        this.#refuseLarge(box, text)
        const put: Operation = { key, put: text, expected: entry?.modRevision ?? 'absent', marker: true }
        const outcome = await this.#commit([put, ...ofStore], writeId)
        if (outcome.committed) {
          await watcher.passed(outcome.revision, position)
          const createRevision = entry?.createRevision ?? outcome.revision
          return presentStoredBox({ key, text, modRevision: outcome.revision, createRevision }, epoch)
        }
        if (isGuess) continue
        if (performance.now() > deadline) throw contention(key, LOST_RACE_RETRY_MS / 1_000)
        await sleep(Math.random() * Math.min(2 ** attempt, 50))
      }
    })
  }

  /** Waits for the current epoch before a change of the store of another one is rejected. */
  async #freshenEpoch(expected: ExpectedRevision | undefined): Promise<void> {
    const { backend, watcher } = this.#options
    if ((expected?.epoch ?? watcher.cache.epoch) !== watcher.cache.epoch) await freshenEpoch(backend, watcher)
  }

  /** The guard of a commit that requires an epoch: the store as it is before the box is read. */
  #conditions(expected: ExpectedRevision | undefined): readonly Operation[] {
    if (expected?.epoch === undefined) return []
    const { meta } = this.#options.watcher.cache
    return [{ key: META_KEY, check: true, expected: meta?.modRevision ?? 'absent' }]
  }

  /** @throws SettingsError REVISION_MISMATCH. */
  #refuseMismatch({ key, modRevision }: Entry, expected: ExpectedRevision | undefined): void {
    const { epoch } = this.#options.watcher.cache
    if (expected) refuseMismatch(key, { epoch, revision: modRevision }, expected)
  }

  /** `mark` is the write id of a put, or the revision of the box to be deleted. */
  async #commit(operations: readonly Operation[], mark: string | Revision) {
    try {
      return await this.#options.backend.commit(operations)
    } catch (error) {
      if (!isSettingsError(error, 'OUTCOME_UNKNOWN')) throw error
      throw typeof mark === 'string' ? writeUnknown(error, mark) : deletionUnknown(error, mark)
    }
  }

  /** Limits the data only, because the rest of the stored text is not the caller's. */
  #refuseLarge({ data }: BoxContent, text: string): void {
    const limit = this.#options.backend.supports.entryBytes - ENVELOPE_BYTES
    // Checked first, because the text is printed already and is never shorter than the data.
    if (Buffer.byteLength(text) <= limit) return
    const got = Buffer.byteLength(printJson(data))
    if (got <= limit) return
    throw new SettingsError(
      'DOCUMENT_TOO_LARGE',
      `The box would have ${got} bytes; this store allows ${limit}.`,
      {
        details: { got, limit },
      },
    )
  }

  #requireReady(): void {
    const { health } = this.#options.watcher
    if (health.state === 'READY') return
    throw new SettingsError(
      'STORE_STALE',
      `Boxes cannot be changed while the store is unavailable (${health.reason ?? health.state}). Nothing was written; retry.`,
    )
  }
}
