import { createHash } from 'node:crypto'
import { open, readFile, rename } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname } from 'node:path'
import {
  allHold,
  changeBy,
  checkOperations,
  foundEntries,
  historyLost,
  inKeyOrder,
  isSettingsError,
  listingOf,
  SettingsError,
} from 'kytos-settings/backend'

/**
 * @import { Backend, BackendModule, Batch, Change, Entry, Key, ListOptions, Operation, Outcome, Prefix, Revision } from 'kytos-settings/backend'
 * @typedef {Entry & { expires?: number }} StoredEntry `expires` in Unix milliseconds.
 * @typedef {{ revision: Revision, entries: ReadonlyMap<Key, StoredEntry>, log: readonly Batch[] }} State
 *   The log holds one batch for each of the newest revisions, without a hole.
 * @typedef {{ operations: readonly Operation[], isExpiry?: true, resolve(outcome: Outcome): void, reject(error: unknown): void }} Call
 */

/** @type {BackendModule['name']} */
export const name = 'json-store'
/** @type {BackendModule['contract']} */
export const contract = 1
/** @type {BackendModule['options']} */
export const options = {
  type: 'object',
  properties: {
    file: { type: 'string', format: 'path', description: 'The file that holds everything.' },
    history: {
      type: 'integer',
      minimum: 1,
      default: 1000,
      description: 'The number of steps kept for watches that resume.',
    },
  },
  required: ['file'],
}
/** @type {BackendModule['create']} */
export const create = ({ file, history }) => new JsonStore(String(file), Number(history ?? 1000))

const ENTRY_BYTES = 16 * 1024 * 1024 + 64 * 1024
const EXPIRY_RETRY_MS = 1_000
const LONGEST_TIMER_MS = 2 ** 31 - 1

/**
 * A store in one JSON file, for one controller and few documents: each group of commits writes the whole file.
 *
 * Invariant: `#state` is the content of the file. It is replaced as a whole, after the new file is on disk, so
 * that no reader sees a commit that a crash could undo.
 * @implements {Backend}
 */
class JsonStore {
  name = name
  supports = { sharing: false, durability: true, handEdits: false, entryBytes: ENTRY_BYTES }
  #file
  #history
  #lock = createServer()
  #closing = new AbortController()
  /** @type {Promise<void> | undefined} */
  #closed
  /** @type {State | undefined} */
  #state
  /** @type {Call[]} */
  #queue = []
  /** @type {Promise<void> | undefined} */
  #writing
  /** @type {Set<() => void>} */
  #watchers = new Set()
  /** @type {NodeJS.Timeout | undefined} */
  #timer

  /** @param {string} file @param {number} history */
  constructor(file, history) {
    this.#file = file
    this.#history = history
  }

  async open() {
    if (this.#closing.signal.aborted) throw closed()
    if (this.#state) return
    await this.#acquireLock()
    this.#state = await readState(this.#file)
    this.#scheduleExpiry()
  }

  /** @param {Key} key */
  async get(key) {
    const entry = this.#open().entries.get(key)
    return entry && publicEntry(entry)
  }

  /** @param {Prefix} prefix @param {ListOptions} [options] */
  async list(prefix, options) {
    const { revision, entries } = this.#open()
    const found = [...entries.values()].filter(({ key }) => key.startsWith(prefix)).sort(byKey)
    return listingOf(revision, found.map(publicEntry), options)
  }

  /** @param {Key} key */
  async timeToLive(key) {
    const { expires } = this.#open().entries.get(key) ?? {}
    return expires === undefined ? undefined : Math.max(0, expires - Date.now()) / 1000
  }

  /** @param {readonly Operation[]} operations @returns {Promise<Outcome>} */
  async commit(operations) {
    this.#open()
    checkOperations(operations, { backend: name, entryBytes: ENTRY_BYTES })
    return new Promise((resolve, reject) => {
      this.#queue.push({ operations, resolve, reject })
      this.#write()
    })
  }

  /** @param {Revision} since @param {AbortSignal} signal @returns {AsyncGenerator<Batch, void, void>} */
  async *watch(since, signal) {
    this.#open()
    const end = AbortSignal.any([signal, this.#closing.signal])
    let wake = () => {}
    const notify = () => wake()
    this.#watchers.add(notify)
    end.addEventListener('abort', notify)
    try {
      for (let last = since, isCaughtUp = false; !end.aborted; ) {
        const batch = batchAfter(this.#open(), last)
        if (batch) {
          last = batch.revision
          yield batch
        } else if (!isCaughtUp) {
          isCaughtUp = true
          yield { revision: last, changes: [] }
        } else {
          /** @type {Promise<void>} */
          const notified = new Promise(resolve => {
            wake = resolve
          })
          await notified
        }
      }
    } finally {
      this.#watchers.delete(notify)
      end.removeEventListener('abort', notify)
    }
  }

  /** No document has a readable file of its own. */
  fileProblems() {
    return []
  }

  async restoreFiles() {
    return []
  }

  close() {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close() {
    this.#closing.abort()
    while (this.#writing) await this.#writing
    clearTimeout(this.#timer)
    if (this.#lock.listening) await new Promise(resolve => this.#lock.close(resolve))
  }

  #open() {
    if (!this.#state || this.#closing.signal.aborted) throw closed()
    return this.#state
  }

  /** Callers in flight share one write of the file; a write that fails leaves state and file as they were. */
  #write() {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined
      if (this.#queue.length > 0) this.#write()
    })
  }

  async #writeAll() {
    await undefined // commits of this tick join the group
    const group = this.#queue.splice(0)
    const before = /** @type {State} */ (this.#state)
    let after = before
    /** @type {(() => void)[]} */
    const answers = []
    for (const { operations, isExpiry, resolve } of group) {
      const [next, outcome] = isExpiry ? expire(after) : apply(after, operations)
      after = next
      answers.push(() => resolve(outcome))
    }
    let failure
    if (after !== before) {
      after = { ...after, log: after.log.slice(-this.#history) }
      failure = await writeState(this.#file, after).catch(error => error)
    }
    // With OUTCOME_UNKNOWN only the sync of the folder failed: the new file is in its place.
    if (!failure || isSettingsError(failure, 'OUTCOME_UNKNOWN')) this.#state = after
    if (failure) for (const { reject } of group) reject(failure)
    else for (const answer of answers) answer()
    for (const notify of this.#watchers) notify()
    if (!failure) this.#scheduleExpiry()
  }

  #scheduleExpiry() {
    clearTimeout(this.#timer)
    if (this.#closing.signal.aborted) return
    const next = Math.min(
      ...[...this.#open().entries.values()].map(({ expires = Number.POSITIVE_INFINITY }) => expires),
    )
    if (next === Number.POSITIVE_INFINITY) return
    const wait = Math.min(Math.max(0, next - Date.now()), LONGEST_TIMER_MS)
    this.#timer = setTimeout(() => {
      const retryLater = () => {
        if (!this.#closing.signal.aborted)
          this.#timer = setTimeout(() => this.#scheduleExpiry(), EXPIRY_RETRY_MS)
      }
      this.#queue.push({ operations: [], isExpiry: true, resolve: () => {}, reject: retryLater })
      this.#write()
    }, wait)
  }

  /** Binds a socket named after the file; the kernel removes it when the process ends, however it ends. */
  async #acquireLock() {
    const address = `\0kytos-json-store-${createHash('sha256').update(this.#file).digest('hex').slice(0, 40)}`
    await new Promise((resolve, reject) => {
      this.#lock.once('error', reject).listen(address, () => resolve(undefined))
    }).catch(cause => {
      throw new SettingsError(
        'STORE_LOCKED',
        `Another process has the store ${this.#file} open. Stop that process first.`,
        { cause },
      )
    })
    this.#lock.unref()
  }
}

/** @param {State} state @param {readonly Operation[]} operations @returns {[State, Outcome]} */
function apply(state, operations) {
  /** @param {Key} key */
  const get = key => state.entries.get(key)
  if (!allHold(operations, get))
    return [state, { committed: false, found: foundEntries(operations, get).map(publicEntry) }]
  const revision = state.revision + 1n
  const entries = new Map(state.entries)
  /** @type {Change[]} */
  const changes = []
  for (const operation of operations) {
    const change = changeBy(operation, state.entries.get(operation.key), revision)
    if (!change) continue
    changes.push(change)
    if (change.type === 'delete') entries.delete(change.key)
    else entries.set(operation.key, { ...change.entry, ...expiryOf(operation) })
  }
  if (changes.length === 0) return [state, { committed: true, revision: state.revision }]
  return [
    { revision, entries, log: [...state.log, { revision, changes: inKeyOrder(changes) }] },
    { committed: true, revision },
  ]
}

/** When the entry of a put expires. @param {Operation} operation @returns {{ expires?: number }} */
function expiryOf(operation) {
  if (!('put' in operation) || operation.ttl === undefined) return {}
  return { expires: Date.now() + operation.ttl * 1000 }
}

/** Deletes the entries that have expired. @param {State} state */
function expire(state) {
  const now = Date.now()
  const expired = [...state.entries.values()].filter(
    ({ expires = Number.POSITIVE_INFINITY }) => expires <= now,
  )
  return apply(
    state,
    expired.map(({ key }) => ({ key, delete: /** @type {const} */ (true) })),
  )
}

/** @param {State} state @param {Revision} since @returns {Batch | undefined} */
function batchAfter({ revision, log }, since) {
  const forgotten = revision - BigInt(log.length)
  if (since >= forgotten && since <= revision) return log[Number(since - forgotten)]
  throw historyLost(`the store is at revision ${revision} and keeps the revisions after ${forgotten}`)
}

/** @param {string} file @returns {Promise<State>} */
async function readState(file) {
  const text = await readFile(file, 'utf8').catch(cause => {
    if (cause.code === 'ENOENT') return undefined
    throw new SettingsError('STORE_UNREACHABLE', `The store ${file} cannot be read: ${cause.message}.`, {
      cause,
    })
  })
  if (text === undefined) return { revision: 0n, entries: new Map(), log: [] }
  try {
    const { revision, entries, log } = JSON.parse(text, (_, value) =>
      typeof value?.bigint === 'string' ? BigInt(value.bigint) : value,
    )
    return {
      revision,
      entries: new Map(entries.map((/** @type {StoredEntry} */ entry) => [entry.key, entry])),
      log,
    }
  } catch (cause) {
    throw new SettingsError(
      'STORE_DAMAGED',
      `The store ${file} is not what ${name} wrote. Restore it from a backup.`,
      { cause },
    )
  }
}

/** Replaces the file: it holds either the old state or the new one, whenever the machine stops. @param {string} file @param {State} state */
async function writeState(file, { revision, entries, log }) {
  const text = JSON.stringify({ revision, entries: [...entries.values()], log }, (_, value) =>
    typeof value === 'bigint' ? { bigint: String(value) } : value,
  )
  try {
    await writeAndSync(`${file}.new`, text)
    await rename(`${file}.new`, file)
  } catch (cause) {
    throw new SettingsError(
      'STORE_UNREACHABLE',
      `The store ${file} cannot be written, and is unchanged: ${String(cause)}.`,
      { cause },
    )
  }
  try {
    await syncFolder(dirname(file))
  } catch (cause) {
    throw new SettingsError(
      'OUTCOME_UNKNOWN',
      `The store ${file} may or may not hold the change: ${String(cause)}.`,
      { cause },
    )
  }
}

/** @param {string} path @param {string} text */
async function writeAndSync(path, text) {
  const handle = await open(path, 'w', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** @param {string} folder */
async function syncFolder(folder) {
  const handle = await open(folder)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** @param {StoredEntry} entry @returns {Entry} */
function publicEntry({ key, text, modRevision: revision, createRevision: created }) {
  return { key, text, modRevision: revision, createRevision: created }
}

/** Keys are ASCII, so that the order of their characters is that of their bytes. @param {{ key: string }} a @param {{ key: string }} b */
function byKey(a, b) {
  return a.key < b.key ? -1 : 1
}

function closed() {
  return new SettingsError(
    'STORE_UNREACHABLE',
    `The store is not open, or is closed; a closed one stays closed: create another.`,
  )
}
