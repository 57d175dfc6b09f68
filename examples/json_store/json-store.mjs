import { createHash } from 'node:crypto'
import { open, readFile, rename } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname } from 'node:path'
import { isSettingsError, SettingsError } from 'kytos-settings/backend'

/**
 * @import { Backend, BackendModule, Batch, Change, Entry, Key, Operation, Outcome, Prefix, Revision } from 'kytos-settings/backend'
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
const PAGE_ENTRIES = 500
const EXPIRY_RETRY_MS = 1_000
const LONGEST_TIMER_MS = 2 ** 31 - 1

/**
 * One JSON file, for one controller and a small store: each group of commits writes the whole file.
 *
 * Invariant: `#state` is what the file holds. It is replaced as a whole, after the new file is on disk, so that no reader
 * sees a commit that a crash could undo.
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

  /** @param {Prefix} prefix @param {{ newest?: number }} [options] */
  async list(prefix, { newest } = {}) {
    const { revision, entries } = this.#open()
    const found = [...entries.values()].filter(({ key }) => key.startsWith(prefix)).sort(byKey)
    const asked = newest === undefined ? found : found.reverse().slice(0, newest)
    return { revision, pages: pagesOf(asked.map(publicEntry)) }
  }

  /** @param {readonly Operation[]} operations @returns {Promise<Outcome>} */
  async commit(operations) {
    this.#open()
    check(operations)
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
    const ring = () => wake()
    this.#watchers.add(ring)
    end.addEventListener('abort', ring)
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
          const rung = new Promise(resolve => {
            wake = resolve
          })
          await rung
        }
      }
    } finally {
      this.#watchers.delete(ring)
      end.removeEventListener('abort', ring)
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
    await undefined // whoever commits in this tick is in the group
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
    // Only the sync of the folder failed: the file is the new one already.
    if (!failure || isSettingsError(failure, 'OUTCOME_UNKNOWN')) this.#state = after
    if (failure) for (const { reject } of group) reject(failure)
    else for (const answer of answers) answer()
    for (const ring of this.#watchers) ring()
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

  /** A socket with the name of the file, which the kernel removes when its process ends, however it ends. */
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
  if (!operations.every(({ key, expected = 'any' }) => holds(expected, state.entries.get(key)))) {
    const guarded = operations.filter(({ expected = 'any' }) => expected !== 'any')
    return [
      state,
      {
        committed: false,
        found: guarded.flatMap(({ key }) => state.entries.get(key) ?? []).map(publicEntry),
      },
    ]
  }
  const revision = state.revision + 1n
  const entries = new Map(state.entries)
  /** @type {Change[]} */
  const changes = []
  for (const operation of operations) {
    const { key } = operation
    const before = entries.get(key)
    if ('put' in operation) {
      /** @type {StoredEntry} */
      const entry = {
        key,
        text: operation.put,
        modRevision: revision,
        createRevision: before?.createRevision ?? revision,
      }
      entries.set(
        key,
        operation.ttl === undefined ? entry : { ...entry, expires: Date.now() + operation.ttl * 1000 },
      )
      changes.push({ type: 'put', entry })
    } else if ('delete' in operation && entries.delete(key)) changes.push({ type: 'delete', key, revision })
  }
  if (changes.length === 0) return [state, { committed: true, revision: state.revision }]
  changes.sort((a, b) => byKey(about(a), about(b)))
  return [
    { revision, entries, log: [...state.log, { revision, changes }] },
    { committed: true, revision },
  ]
}

/** Deletes what has expired. @param {State} state */
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
  throw new SettingsError(
    'HISTORY_LOST',
    `The store is at revision ${revision} and keeps the steps after ${forgotten}; none after ${since}.`,
  )
}

/** @param {import('kytos-settings/backend').Expected} expected @param {Entry | undefined} entry */
function holds(expected, entry) {
  if (expected === 'any') return true
  return expected === 'absent' ? entry === undefined : entry?.modRevision === expected
}

/** @param {readonly Operation[]} operations */
function check(operations) {
  if (operations.length === 0)
    throw new SettingsError('CONTENT_MALFORMED', 'A commit needs at least one operation.')
  if (new Set(operations.map(({ key }) => key)).size < operations.length) {
    throw new SettingsError(
      'CONTENT_MALFORMED',
      'A commit names a key twice; each key is allowed in one operation.',
    )
  }
  for (const operation of operations) {
    const bytes = 'put' in operation ? Buffer.byteLength(operation.put) : 0
    if (bytes > ENTRY_BYTES) {
      throw new SettingsError(
        'DOCUMENT_TOO_LARGE',
        `${operation.key} would hold ${bytes} bytes; ${name} takes ${ENTRY_BYTES} at most.`,
      )
    }
  }
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

/** @param {readonly Entry[]} entries */
async function* pagesOf(entries) {
  for (let at = 0; at < entries.length; at += PAGE_ENTRIES) yield entries.slice(at, at + PAGE_ENTRIES)
}

/** @param {StoredEntry} entry @returns {Entry} */
function publicEntry({ key, text, modRevision: revision, createRevision: created }) {
  return { key, text, modRevision: revision, createRevision: created }
}

/** @param {Change} change */
function about(change) {
  return change.type === 'put' ? change.entry : change
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
