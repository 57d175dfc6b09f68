import { setImmediate as turn } from 'node:timers/promises'
import { ask } from '../../events/ask.ts'
import type { ConsumerReport } from '../../events/commands/consumer-nouns.ts'
import type { Unsubscribe } from '../../events/event.ts'
import type { Facts } from '../../events/map.ts'
import type { Settings, TransactionOperation, TransactionResult } from '../../events/nouns.ts'
import { parseCursor } from '../../model/cursor.ts'
import { isSettingsError, toSettingsError } from '../../model/errors.ts'
import type { JsonObject } from '../../model/value.ts'
import { type AppliedState, LOADING } from './applied-state.ts'
import type { JsonSchema } from './json-schema.ts'
import type { ChangingListener, LiveSettings, TransactionOptions, UpdateOptions } from './live-settings.ts'
import type { NAppContext } from './napp.ts'
import { ownCopy } from './own-copy.ts'
import { registerSchema } from './register-schema.ts'
import { SettingsCache } from './settings-cache.ts'
import type { SettingsOf } from './settings-of.ts'

/*
 * Invariants:
 *  1. Every received fact was announced after the schema was registered, and the subscription exists before
 *     the values are retrieved. So no fact in between is lost, and no earlier fact undoes the schema's
 *     effect.
 *  2. After `load` only facts change `values`, so that a listener gets every step that the watcher announces.
 */

/** The owner of the settings: a NApp's context, or the required part of one. */
export type SettingsOwner = Pick<NAppContext, 'id' | 'bus' | 'log'> &
  Partial<Pick<NAppContext, 'folder' | 'manifest'>>

/** Limit of the time that an update waits for its own fact after the response of the service. */
const OBSERVE_TIMEOUT_MS = 2_000
/** The position of a response within its revision: it includes all facts of that revision. */
const END_OF_REVISION = Number.MAX_SAFE_INTEGER

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
  if (schema) await registerSchema(owner, schema)
  const settings = new BusSettings(owner)
  try {
    await settings.load()
    // The overloads type the values by the schema, which only the caller's types know.
    return settings
  } catch (error) {
    settings.close()
    throw error
  }
}

class BusSettings extends SettingsCache {
  readonly namespace: string
  readonly #owner: SettingsOwner
  readonly #subscriptions: readonly Unsubscribe[]
  readonly #hooks = new Set<Unsubscribe>()
  readonly #pending = new Set<() => void>()
  #closed = false
  #stated: AppliedState & { readonly since: string } = { ...LOADING, since: new Date().toISOString() }

  constructor(owner: SettingsOwner) {
    super((where, error) =>
      owner.log.error(
        `A listener of settings${where === '' ? '' : ` at ${where}`} failed: ` +
          toSettingsError(error).message,
      ),
    )
    this.#owner = owner
    this.namespace = owner.id
    this.#subscriptions = [
      owner.bus.on('settings.changed', ({ content }) => this.#receive(content), { namespace: owner.id }),
      owner.bus.on('settings.state', ({ content }) => {
        this.state = content.state
      }),
      owner.bus.consume(owner.id, { report: () => this.#report() }),
    ]
  }

  async load(): Promise<void> {
    const answer = await this.#retrieve()
    this.state = answer?.state ?? 'READY'
    if (answer) {
      const { epoch, revision } = answer
      this.take({
        at: { epoch, revision: BigInt(revision), n: END_OF_REVISION },
        data: ownCopy(this.#reveal(answer.data)),
        received: ownCopy(answer.data),
      })
      this.learnRevision(epoch, revision)
    }
    this.inUse.begin(this.values)
    this.#state()
  }

  async update(patch: object, { comment, scope, revision, dryRun }: UpdateOptions = {}): Promise<Settings> {
    const answer = await ask(this.#owner.bus, 'kytos.settings.update', {
      namespace: this.namespace,
      // The service accepts only JSON and reports the place of any other value.
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
      // As in `update`; each operation may name another namespace.
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
    // The facts of one revision arrive one after the other, with turns of sockets and timers possibly in
    // between.
    await turn()
    await turn()
    return { settings }
  }

  changing(hook: ChangingListener<JsonObject>): Unsubscribe {
    if (this.#closed) return () => {}
    const end = this.#owner.bus.consume(this.namespace, {
      changing: ({ data, previous, changes, actor, comment, dry_run }, signal) =>
        hook(this.#reveal(data), this.#reveal(previous), {
          changes,
          actor,
          comment,
          dryRun: dry_run,
          signal,
        }),
    })
    const unsubscribe = (): void => {
      this.#hooks.delete(unsubscribe)
      end()
    }
    this.#hooks.add(unsubscribe)
    return unsubscribe
  }

  /**
   * The answer, once `values` include it; with `observed: false` if they do not in time. The revision of an
   * assumed answer is not learned, because it is that of the settings that another controller sees.
   */
  async #observe<Answer extends Settings>(answer: Answer): Promise<Answer> {
    const isObserved = answer.observed !== false && (await this.#reach(answer))
    if (isObserved && !answer.assumed) this.learnRevision(answer.epoch, answer.revision)
    return isObserved ? answer : { ...answer, observed: false }
  }

  override close(): void {
    this.#closed = true
    for (const unsubscribe of [...this.#subscriptions, ...this.#hooks]) unsubscribe()
    super.close()
    for (const check of this.#pending) check()
  }

  #receive({ cursor, data, changes, scope, origin, epoch, revision, kind }: Facts['settings.changed']): void {
    this.take({ at: parseCursor(cursor), data: this.#reveal(data), received: data, changes })
    this.#state()
    // In these cases the revision is retrieved: facts of a listing carry the revision of the listing, and
    // overrides of other controllers do not count for the namespace.
    if (origin === 'resync' || scope.startsWith('controller')) void this.#refreshRevision()
    else if (kind !== 'resealed') this.learnRevision(epoch, revision)
    for (const check of this.#pending) check()
  }

  /** States how far the settings are applied now. */
  #report(): ConsumerReport {
    return { data: this.received, revision: this.revision, ...this.#state() }
  }

  #state(): AppliedState & { readonly since: string } {
    const { status, reason } = this.appliedState()
    if (status !== this.#stated.status || reason !== this.#stated.reason)
      this.#stated = { status, reason, since: new Date().toISOString() }
    return this.#stated
  }

  /** The settings with the values of their secrets, as the NApp's own view shows them. */
  #reveal(data: JsonObject): JsonObject {
    return this.#owner.bus.reveal?.(data) ?? data
  }

  async #refreshRevision(): Promise<void> {
    try {
      const answer = await this.#retrieve()
      if (answer) this.learnRevision(answer.epoch, answer.revision)
    } catch (error) {
      // The older revision is kept: as a guard it rejects rather than overwrites. The next fact retries.
      if (!this.#closed)
        this.#owner.log.warn(
          `The revision of "${this.namespace}" was not refreshed: ${toSettingsError(error).message}`,
        )
    }
  }

  /** The current settings; undefined while there is neither a schema nor an override. */
  async #retrieve(): Promise<Settings | undefined> {
    try {
      return await ask(this.#owner.bus, 'kytos.settings.retrieve', { namespace: this.namespace })
    } catch (error) {
      if (isSettingsError(error, 'NAMESPACE_NOT_FOUND')) return undefined
      throw error
    }
  }

  /** True once `values` include the answer; false if they do not in time, or after `close`. */
  #reach({ epoch, revision }: Settings): Promise<boolean> {
    const isReached = (): boolean =>
      this.at.epoch > epoch || (this.at.epoch === epoch && this.at.revision >= BigInt(revision))
    if (isReached() || this.#closed) return Promise.resolve(isReached())
    return new Promise(resolve => {
      const settle = (): void => {
        clearTimeout(timer)
        this.#pending.delete(check)
        resolve(isReached())
      }
      const check = (): void => {
        if (isReached() || this.#closed) settle()
      }
      const timer = setTimeout(settle, OBSERVE_TIMEOUT_MS)
      this.#pending.add(check)
    })
  }
}
