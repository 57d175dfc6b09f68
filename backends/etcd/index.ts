import type { Entry, Revision } from '../../model/document.ts'
import { isSettingsError, SettingsError } from '../../model/errors.ts'
import { EVERYTHING, type Key, type Prefix } from '../../model/key.ts'
import type {
  Backend,
  BackendContext,
  Batch,
  FileProblem,
  Listing,
  ListOptions,
  Operation,
  Outcome,
  Supports,
} from '../backend.ts'
import { joinSignals } from '../joint-signal.ts'
import { ENTRY_BYTES } from './check.ts'
import { Committer } from './commit.ts'
import type { EtcdOptions } from './connection/client.ts'
import { Credentials } from './connection/credentials.ts'
import { CLOSE_GRACE_MS, EndpointPool } from './connection/endpoint-pool.ts'
import { CallFailed, toStoreError } from './connection/errors.ts'
import { KeyMapper } from './key-mapper.ts'
import { OverlapGuard } from './overlap-guard.ts'
import { PageSizer } from './page-sizer.ts'
import { getEntry, listEntries } from './read.ts'
import { readTimeToLive } from './time-to-live.ts'
import { isInStep, outdated } from './version.ts'
import { type Identity, watchOnce } from './watch.ts'

export type { EtcdOptions } from './connection/client.ts'

/**
 * The interval in which a token is used at least, in ms, so that it does not expire between calls: by default
 * a token of etcd is valid for five minutes.
 */
const TOKEN_REFRESH_MS = 60_000

/**
 * A backend that stores entries in etcd, at `<prefix>/<key>`, for any number of controllers. Connects in
 * `open()`.
 */
export function createEtcdBackend(options: EtcdOptions, context: BackendContext): Backend {
  return new EtcdBackend(options, context)
}

class EtcdBackend implements Backend {
  readonly name = 'etcd'
  readonly supports: Supports = { sharing: true, durability: true, handEdits: true, entryBytes: ENTRY_BYTES }
  readonly #options: EtcdOptions
  readonly #report: BackendContext['report']
  readonly #pool: EndpointPool
  /** Separate connections for watches, so that a failed call does not end a watch. */
  readonly #watchPool: EndpointPool
  readonly #keys: KeyMapper
  readonly #committer: Committer
  readonly #overlap: OverlapGuard
  readonly #pages = new PageSizer()
  readonly #closing = new AbortController()
  #identity: Identity | undefined
  #tokenTimer: NodeJS.Timeout | undefined
  #checking: Promise<void> | undefined
  #closed: Promise<void> | undefined

  constructor(options: EtcdOptions, { report }: BackendContext) {
    if (options.endpoints.length === 0)
      throw new SettingsError(
        'CONFIG_INVALID',
        '[settings.etcd] endpoints is empty. List at least one, such as ["http://127.0.0.1:2379"].',
      )
    this.#options = options
    this.#report = report
    const credentials = new Credentials(options)
    this.#pool = new EndpointPool(credentials)
    this.#watchPool = new EndpointPool(credentials)
    this.#keys = new KeyMapper(options.prefix, report)
    this.#committer = new Committer(this.#pool, this.#keys, options)
    this.#overlap = new OverlapGuard(this.#pool, this.#keys, this.#committer)
  }

  /**
   * Makes one linearizable read, which verifies reachability, TLS, credentials and permission at once; then
   * looks for stores that overlap.
   */
  async open(): Promise<void> {
    this.#refuseClosed()
    try {
      const request = { ...this.#keys.range(EVERYTHING), limit: 1, keys_only: true }
      const { header } = await this.#pool.tryEach((client, options) => client.kv.range(request, options))
      const inStep = await this.#checkVersion()
      await this.#overlap.refuse()
      this.#identity = { cluster: header.cluster_id, inStep, fragment: false, slack: 1 }
    } catch (error) {
      throw toStoreError(error, 'the first read', this.#pool.endpoints)
    }
    this.#refuseClosed()
    if (this.#options.username !== undefined)
      this.#tokenTimer ??= setInterval(() => this.#refreshToken(), TOKEN_REFRESH_MS).unref()
  }

  async get(key: Key): Promise<Entry | undefined> {
    this.#requireOpen()
    return this.#checkOnRefusal(getEntry(this.#pool, this.#keys, key))
  }

  async list(prefix: Prefix, options?: ListOptions): Promise<Listing> {
    this.#requireOpen()
    await this.#overlap.verify()
    return this.#checkOnRefusal(listEntries(this.#pool, this.#keys, this.#pages, prefix, options))
  }

  async commit(operations: readonly Operation[]): Promise<Outcome> {
    this.#requireOpen()
    const ready = this.#overlap.before(operations)
    if (ready) await ready
    return this.#checkOnRefusal(this.#committer.commit(operations))
  }

  async *watch(since: Revision, signal: AbortSignal): AsyncGenerator<Batch, void, void> {
    const identity = this.#requireOpen()
    const end = joinSignals(signal, this.#closing.signal)
    try {
      yield* watchOnce(this.#watchPool, this.#keys, identity, this.#options, since, end.signal)
    } finally {
      end.release()
    }
  }

  async timeToLive(key: Key): Promise<number | undefined> {
    this.#requireOpen()
    return this.#checkOnRefusal(readTimeToLive(this.#pool, this.#keys, key))
  }

  fileProblems(): readonly FileProblem[] {
    return []
  }

  async restoreFiles(): Promise<readonly Key[]> {
    return []
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#closing.abort()
    clearInterval(this.#tokenTimer)
    this.#pool.startClosing()
    this.#watchPool.startClosing()
    await this.#committer.settle(CLOSE_GRACE_MS)
    this.#pool.close()
    this.#watchPool.close()
  }

  /** Reports a server with known bugs; true when its progress is never ahead of its events. */
  async #checkVersion(): Promise<boolean> {
    // A server that does not report its version is treated as an old one.
    const status = await this.#pool.client.maintenance.status().catch(() => undefined)
    if (!status) return false
    const message = outdated(status.version)
    if (message !== undefined) this.#report({ code: 'SERVER_OUTDATED', message, source: this.#pool.endpoint })
    return isInStep(status.version)
  }

  #refreshToken(): void {
    // No caller waits for the result; but open watches must not hide that access is refused.
    this.#checkAccess().catch(error => this.#endRefused(error))
  }

  /**
   * Returns the result of a call. After STORE_REFUSED it checks whether reading is refused too, because etcd
   * continues watches whose permission was revoked.
   */
  async #checkOnRefusal<T>(call: Promise<T>): Promise<T> {
    try {
      return await call
    } catch (error) {
      if (isSettingsError(error, 'STORE_REFUSED') && this.#watchPool.streams.size > 0) {
        this.#checking ??= this.#checkAccess()
          .catch(refusal => this.#endRefused(refusal))
          .finally(() => {
            this.#checking = undefined
          })
      }
      throw error
    }
  }

  async #checkAccess(): Promise<void> {
    const request = { ...this.#keys.range(EVERYTHING), limit: 1, keys_only: true }
    await this.#pool.call((client, options) => client.kv.range(request, options))
  }

  /** Ends the watches if reading is refused: the caller opens them again and gets the error. */
  #endRefused(error: unknown): void {
    if (!(error instanceof CallFailed) || error.failure.code !== 'STORE_REFUSED') return
    for (const stream of this.#watchPool.streams) stream.cancel(error)
  }

  #requireOpen(): Identity {
    this.#refuseClosed()
    if (!this.#identity)
      throw new SettingsError('STORE_UNREACHABLE', 'The etcd backend is not open. Call open() first.')
    return this.#identity
  }

  #refuseClosed(): void {
    if (this.#closing.signal.aborted)
      throw new SettingsError(
        'STORE_UNREACHABLE',
        'The etcd backend is closed and cannot be reopened. Create a new one.',
      )
  }
}
