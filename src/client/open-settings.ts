import { setImmediate as turn } from 'node:timers/promises'
import { ask } from '../../events/ask.ts'
import type { Unsubscribe } from '../../events/event.ts'
import type { Facts } from '../../events/map.ts'
import type { Settings, TransactionOperation, TransactionResult } from '../../events/nouns.ts'
import { parseCursor } from '../../model/cursor.ts'
import { isSettingsError, toSettingsError } from '../../model/errors.ts'
import { type JsonObject, toJson } from '../../model/value.ts'
import { readSeed } from './assets.ts'
import type { JsonSchema } from './json-schema.ts'
import type { ChangingListener, LiveSettings, TransactionOptions, UpdateOptions } from './live-settings.ts'
import type { NAppContext } from './napp.ts'
import { SettingsCache } from './settings-cache.ts'
import type { SettingsOf } from './settings-of.ts'

/*
 * Invariants:
 *  1. Every fact that is heard was said after the schema was registered, and the subscription stands before
 *     the values are asked for: nothing in between is lost, and nothing from before takes the schema's effect
 *     back.
 *  2. After the beginning only facts move `values`, so that a listener hears every step that the watcher
 *     tells.
 */

/** The owner of the settings: a NApp's context, or the required part of one. */
export type SettingsOwner = Pick<NAppContext, 'id' | 'bus' | 'log'> &
  Partial<Pick<NAppContext, 'folder' | 'manifest'>>

/** Milliseconds that an update waits for its own fact once the service has answered. */
const PATIENCE = 2_000
/** An answer holds everything of its revision. */
const WHOLE = Number.MAX_SAFE_INTEGER

/**
 * Opens the live settings of a NApp and registers its schema, seed and version if a schema is given.
 * @throws SettingsError SCHEMA_MALFORMED or SETTINGS_INVALID for an invalid schema or seed, SERVICE_ABSENT.
 * @example
 * const settings = await openSettings(context, {
 *   type: 'object',
 *   properties: { interval: { type: 'number', default: 5 } },
 * })
 * settings.on('interval', (now, before) => context.log.info(`every ${now} s, not ${before}`))
 */
export async function openSettings<const Schema extends JsonSchema>(
  owner: SettingsOwner,
  schema: Schema,
): Promise<LiveSettings<SettingsOf<Schema>>>
export async function openSettings<Values extends object>(owner: SettingsOwner): Promise<LiveSettings<Values>>
export async function openSettings(owner: SettingsOwner, schema?: JsonSchema): Promise<unknown> {
  if (schema) await register(owner, schema)
  const settings = new BusSettings(owner)
  try {
    await settings.begin()
    // It is what the overloads say as far as the schema says it, which only the caller's types know.
    return settings
  } catch (error) {
    settings.close()
    throw error
  }
}

/** Hands over the schema in the NApp's own name, as the host does with one that the manifest names. */
async function register({ id, bus, folder, manifest }: SettingsOwner, schema: JsonSchema): Promise<void> {
  const seed = folder === undefined ? undefined : await readSeed(folder)
  await ask(bus, 'kytos.settings.register', {
    namespace: id,
    // The service takes only JSON, and says where something else stands.
    schema: schema as JsonObject,
    ...(seed === undefined ? {} : { seed }),
    ...(manifest?.version === undefined ? {} : { napp_version: manifest.version }),
  })
}

class BusSettings extends SettingsCache {
  readonly namespace: string
  readonly #owner: SettingsOwner
  readonly #subscriptions: readonly Unsubscribe[]
  readonly #hooks = new Set<Unsubscribe>()
  readonly #waiting = new Set<() => void>()
  #closed = false

  constructor(owner: SettingsOwner) {
    super((where, error) =>
      owner.log.error(
        `A listener of settings${where === '' ? '' : ` at ${where}`} failed: ${toSettingsError(error).message}`,
      ),
    )
    this.#owner = owner
    this.namespace = owner.id
    this.#subscriptions = [
      owner.bus.on('settings.changed', ({ content }) => this.#hear(content), { namespace: owner.id }),
      owner.bus.on('settings.state', ({ content }) => {
        this.state = content.state
      }),
      owner.bus.consume(owner.id),
    ]
  }

  async begin(): Promise<void> {
    const answer = await this.#retrieve()
    this.state = answer?.state ?? 'READY'
    if (!answer) return
    const { epoch, revision } = answer
    this.take({ at: { epoch, revision: BigInt(revision), n: WHOLE }, data: frozen(answer.data) })
    this.learnRevision(epoch, revision)
  }

  async update(patch: object, { comment, scope, revision, dryRun }: UpdateOptions = {}): Promise<Settings> {
    const answer = await ask(this.#owner.bus, 'kytos.settings.update', {
      namespace: this.namespace,
      // The service takes only JSON, and says where something else stands.
      data: patch as JsonObject,
      ...(comment === undefined ? {} : { comment }),
      ...(scope === undefined ? {} : { scope }),
      ...(revision === undefined ? {} : { revision }),
      ...(dryRun === undefined ? {} : { dry_run: dryRun }),
    })
    return dryRun ? answer : this.#observe(answer)
  }

  async transaction(
    operations: readonly object[],
    { comment, dryRun }: TransactionOptions = {},
  ): Promise<TransactionResult> {
    const answer = await ask(this.#owner.bus, 'kytos.settings.transaction', {
      // As above; each operation may name another namespace.
      operations: operations.map(one => ({
        ...one,
        namespace: ('namespace' in one && one.namespace) || this.namespace,
      })) as TransactionOperation[],
      ...(comment === undefined ? {} : { comment }),
      ...(dryRun === undefined ? {} : { dry_run: dryRun }),
    })
    if (dryRun) return answer
    const settings = await Promise.all(
      answer.settings.map(async one => (one.namespace === this.namespace ? this.#observe(one) : one)),
    )
    // The facts of one revision come one after the other, and between two of them sockets and timers may have
    // had a turn.
    await turn()
    await turn()
    return { settings }
  }

  changing(hook: ChangingListener<JsonObject>): Unsubscribe {
    if (this.#closed) return () => {}
    const end = this.#owner.bus.consume(this.namespace, {
      changing: ({ data, previous, changes, actor, comment, dry_run }, signal) =>
        hook(data, previous, { changes, actor, comment, dryRun: dry_run, signal }),
    })
    const unsubscribe = (): void => {
      this.#hooks.delete(unsubscribe)
      end()
    }
    this.#hooks.add(unsubscribe)
    return unsubscribe
  }

  /** What was answered, once `values` have it too; `observed: false` where that does not come in time. */
  async #observe<Answer extends Settings>(answer: Answer): Promise<Answer> {
    const isHere = answer.observed !== false && (await this.#reach(answer))
    if (isHere) this.learnRevision(answer.epoch, answer.revision)
    return isHere ? answer : { ...answer, observed: false }
  }

  override close(): void {
    this.#closed = true
    for (const unsubscribe of [...this.#subscriptions, ...this.#hooks]) unsubscribe()
    super.close()
    for (const look of this.#waiting) look()
  }

  #hear({ cursor, data, changes, scope, origin, epoch, revision }: Facts['settings.changed']): void {
    this.take({ at: parseCursor(cursor), data, changes })
    // A listing's facts have the listing's revision, and other controllers' overrides do not count: there the
    // service knows the namespace's own.
    if (origin === 'resync' || scope.startsWith('controller')) void this.#refreshRevision()
    else this.learnRevision(epoch, revision)
    for (const look of this.#waiting) look()
  }

  async #refreshRevision(): Promise<void> {
    try {
      const answer = await this.#retrieve()
      if (answer) this.learnRevision(answer.epoch, answer.revision)
    } catch (error) {
      // The older revision stays, which as a guard refuses rather than overwrites; the next fact asks again.
      if (!this.#closed)
        this.#owner.log.warn(
          `The revision of "${this.namespace}" was not refreshed: ${toSettingsError(error).message}`,
        )
    }
  }

  /** undefined when there is neither a schema nor an override yet. */
  async #retrieve(): Promise<Settings | undefined> {
    try {
      return await ask(this.#owner.bus, 'kytos.settings.retrieve', { namespace: this.namespace })
    } catch (error) {
      if (isSettingsError(error, 'NAMESPACE_NOT_FOUND')) return undefined
      throw error
    }
  }

  /**
   * True once `values` hold what was answered; false when that does not come in time, or nothing comes any
   * more.
   */
  #reach({ epoch, revision }: Settings): Promise<boolean> {
    const isReached = (): boolean =>
      this.at.epoch > epoch || (this.at.epoch === epoch && this.at.revision >= BigInt(revision))
    if (isReached() || this.#closed) return Promise.resolve(isReached())
    return new Promise(resolve => {
      const settle = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(look)
        resolve(isReached())
      }
      const look = (): void => {
        if (isReached() || this.#closed) settle()
      }
      const timer = setTimeout(settle, PATIENCE)
      this.#waiting.add(look)
    })
  }
}

/** A deep, frozen copy: what was answered may be the service's own. */
function frozen(data: JsonObject): JsonObject {
  // A copy of an object is one.
  return toJson(data) as JsonObject
}
