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
import type { EtcdOptions } from './client.ts'
import { Committer } from './commit.ts'
import { Credentials } from './credentials.ts'
import { CLOSE_GRACE_MS, EndpointPool } from './endpoint-pool.ts'
import { CallFailed, toStoreError } from './errors.ts'
import { KeyMapper } from './key-mapper.ts'
import { OverlapGuard } from './overlap-guard.ts'
import { PageSizer } from './page-sizer.ts'
import { getEntry, listEntries } from './read.ts'
import { isInStep, outdated } from './version.ts'
import { type Identity, watchOnce } from './watch.ts'

export type { EtcdOptions } from './client.ts'

/**
 * How often a token is used at least, in ms, so that it does not run out between calls: etcd's default lets
 * one live for five minutes.
 */
const TOKEN_REFRESH_MS = 60_000

/** Documents in etcd, at `<prefix>/<key>`, for any number of controllers. Connects in `open()`. */
export function createEtcdBackend(options: EtcdOptions, surroundings: BackendContext): Backend {
  return new EtcdBackend(options, surroundings)
}

class EtcdBackend implements Backend {
  readonly name = 'etcd'
  readonly supports: Supports = { sharing: true, durability: true, handEdits: true, entryBytes: ENTRY_BYTES }
  readonly #options: EtcdOptions
  readonly #report: BackendContext['report']
  readonly #link: EndpointPool
  /** Watches have connections of their own, so that nothing that happens to calls happens to them. */
  readonly #watchLink: EndpointPool
  readonly #space: KeyMapper
  readonly #committer: Committer
  readonly #overlap: OverlapGuard
  readonly #pages = new PageSizer()
  readonly #closing = new AbortController()
  #identity: Identity | undefined
  #warmth: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
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
    this.#link = new EndpointPool(credentials)
    this.#watchLink = new EndpointPool(credentials)
    this.#space = new KeyMapper(options.prefix, report)
    this.#committer = new Committer(this.#link, this.#space, options)
    this.#overlap = new OverlapGuard(this.#link, this.#space, this.#committer)
  }

  /**
   * One linearizable read, so that it proves reachability, TLS, credentials and permission at once; then a
   * look for stores that overlap.
   */
  async open(): Promise<void> {
    this.#refuseClosed()
    try {
      const request = { ...this.#space.range(EVERYTHING), limit: 1, keys_only: true }
      const { header } = await this.#link.tryEach((client, options) => client.kv.range(request, options))
      const inStep = await this.#checkVersion()
      await this.#overlap.refuse()
      this.#identity = { cluster: header.cluster_id, inStep, fragment: false, slack: 1 }
    } catch (error) {
      throw toStoreError(error, 'the first read', this.#link.endpoints)
    }
    this.#refuseClosed()
    if (this.#options.username !== undefined)
      this.#warmth ??= setInterval(() => this.#useToken(), TOKEN_REFRESH_MS).unref()
  }

  async get(key: Key): Promise<Entry | undefined> {
    this.#needOpen()
    return this.#heed(getEntry(this.#link, this.#space, key))
  }

  async list(prefix: Prefix, options?: ListOptions): Promise<Listing> {
    this.#needOpen()
    await this.#overlap.verify()
    return this.#heed(listEntries(this.#link, this.#space, this.#pages, prefix, options))
  }

  async commit(operations: readonly Operation[]): Promise<Outcome> {
    this.#needOpen()
    const ready = this.#overlap.before(operations)
    if (ready) await ready
    return this.#heed(this.#committer.commit(operations))
  }

  async *watch(since: Revision, signal: AbortSignal): AsyncGenerator<Batch, void, void> {
    const identity = this.#needOpen()
    const end = joinSignals(signal, this.#closing.signal)
    try {
      yield* watchOnce(this.#watchLink, this.#space, identity, this.#options, since, end.signal)
    } finally {
      end.release()
    }
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
    clearInterval(this.#warmth)
    this.#link.hurry()
    this.#watchLink.hurry()
    await this.#committer.settle(CLOSE_GRACE_MS)
    this.#link.close()
    this.#watchLink.close()
  }

  /** Reports a server with known faults; true when its progress keeps in step with its events. */
  async #checkVersion(): Promise<boolean> {
    // A server that does not tell its version is taken for an old one.
    const status = await this.#link.client.maintenance.status().catch(() => undefined)
    if (!status) return false
    const message = outdated(status.version)
    if (message !== undefined) this.#report({ code: 'SERVER_OUTDATED', message, source: this.#link.endpoint })
    return isInStep(status.version)
  }

  #useToken(): void {
    // Nobody asked, so nobody is told; but a watch that stands does not hide what is wrong.
    this.#look().catch(error => this.#endRefused(error))
  }

  /**
   * Gives what was asked for; if it is refused, looks whether everything is, for etcd goes on with watches
   * whose right was taken away.
   */
  async #heed<T>(asked: Promise<T>): Promise<T> {
    try {
      return await asked
    } catch (error) {
      if (isSettingsError(error, 'STORE_REFUSED') && this.#watchLink.streams.size > 0) {
        this.#looking ??= this.#look()
          .catch(refusal => this.#endRefused(refusal))
          .finally(() => {
            this.#looking = undefined
          })
      }
      throw error
    }
  }

  async #look(): Promise<void> {
    const request = { ...this.#space.range(EVERYTHING), limit: 1, keys_only: true }
    await this.#link.call((client, options) => client.kv.range(request, options))
  }

  /** Ends the watches if reading is refused: the caller opens them again, is refused, and learns why. */
  #endRefused(error: unknown): void {
    if (!(error instanceof CallFailed) || error.failure.code !== 'STORE_REFUSED') return
    for (const stream of this.#watchLink.streams) stream.cancel(error)
  }

  #needOpen(): Identity {
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
