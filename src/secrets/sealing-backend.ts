import type { Backend, Batch, Listing, Operation, Outcome } from '../../backends/backend.ts'
import { DOCUMENT_BYTES, type Entry } from '../../model/document.ts'
import { isSettingsError, SettingsError } from '../../model/errors.ts'
import { type Key, makePrefix, parseHistoryKey, splitKey } from '../../model/key.ts'
import { parseSchemaParts } from '../schema/schema-document.ts'
import type { KeyKeeper } from './keeper.ts'
import type { Secrets } from './secrets.ts'
import { mapSettings, mayBeSealed, namespaceOfKey } from './stored-text.ts'

/**
 * A store behind which secrets are sealed: everything that is read from it has secrets in the shown form, and
 * everything that is committed to it has them in the stored form.
 *
 * Invariants:
 *  1. No plain value at a sensitive place passes a commit of any caller.
 *  2. A stored text has one shown form. Revisions, guards and outcomes are those of the store.
 *  3. A commit with a tag has the sealed text of that tag. It fails as a whole where that is unknown.
 */
export function withSealing(inner: Backend, secrets: Secrets, keeper: KeyKeeper): Backend {
  /** Entries in the shown form; keys that another controller uses are looked for once more. */
  const show = async (entries: readonly Entry[]): Promise<readonly Entry[]> => {
    const shown = entries.map(entry => shownEntry(entry, secrets))
    if (!secrets.takeForeign() || !(await keeper.reload())) return shown
    return entries.map(entry => shownEntry(entry, secrets))
  }
  const showBatch = async (batch: Batch): Promise<Batch> => {
    const puts = batch.changes.flatMap(change => (change.type === 'put' ? [change.entry] : []))
    const shown = new Map((await show(puts)).map(entry => [entry.key, entry]))
    const changes = batch.changes.map(change =>
      change.type === 'put' ? { ...change, entry: shown.get(change.entry.key) ?? change.entry } : change,
    )
    return { ...batch, changes }
  }
  const seal = (operation: Operation): Operation => {
    if (!('put' in operation)) return operation
    const put = storedText(operation.key, operation.put, secrets)
    return put === operation.put ? operation : { ...operation, put }
  }

  /**
   * Makes keys as soon as a schema marks a place: tags shall be the same before and after the first secret.
   * Without keys the service runs on; the first change of a secret reports the reason.
   */
  const requireForSchemas = async (): Promise<void> => {
    if (secrets.namespaces.size > 0) await keeper.require(inner).catch(() => {})
  }

  /** The operations in the stored form; keys are made for the first secret. */
  const sealAll = async (operations: readonly Operation[]): Promise<readonly Operation[]> => {
    for (const operation of operations) if ('put' in operation) learn(operation.key, operation.put, secrets)
    if (!secrets.keys && operations.some(({ key }) => key.startsWith('schemas/'))) await requireForSchemas()
    try {
      return operations.map(seal)
    } catch (error) {
      if (secrets.keys || !isSettingsError(error, 'KEY_MISSING')) throw error
      await keeper.require(inner)
      return operations.map(seal)
    }
  }

  return {
    name: inner.name,
    supports: inner.supports,
    async open() {
      await keeper.load()
      await inner.open()
      // A store of an older release may have plain secrets: they are shown by tags from the first reading on.
      if (!secrets.keys) await learnSchemas(inner, secrets)
      if (!secrets.keys) await requireForSchemas()
    },
    async get(key) {
      const entry = await inner.get(key)
      const [shown] = entry ? await show([entry]) : []
      return shown
    },
    async list(prefix, options): Promise<Listing> {
      const { revision, pages } = await inner.list(prefix, options)
      return { revision, pages: mapPages(pages, show) }
    },
    async commit(operations): Promise<Outcome> {
      const outcome = await inner.commit(await sealAll(operations))
      return outcome.committed ? outcome : { ...outcome, found: await show(outcome.found) }
    },
    async *watch(since, signal) {
      for await (const batch of inner.watch(since, signal)) yield await showBatch(batch)
    },
    timeToLive: key => inner.timeToLive(key),
    fileProblems: () => inner.fileProblems(),
    restoreFiles: keys => inner.restoreFiles(keys),
    close: () => inner.close(),
  }
}

/** An entry of the store with its secrets in the shown form. */
export function shownEntry(entry: Entry, secrets: Secrets): Entry {
  learn(entry.key, entry.text, secrets)
  if (!mayBeSealed(entry.text)) return entry
  const namespace = namespaceOfKey(entry.key)
  if (namespace === undefined) return entry
  const text = mapSettings(entry.key, entry.text, data => secrets.show(namespace, data))
  return text === entry.text ? entry : { ...entry, text }
}

/**
 * The text of an operation in the stored form.
 * @throws SettingsError SECRET_NOT_FOUND, KEY_MISSING, DOCUMENT_TOO_LARGE.
 */
function storedText(key: Key, text: string, secrets: Secrets): string {
  const namespace = namespaceOfKey(key)
  if (namespace === undefined) return text
  const isMarked = secrets.isMarked(namespace)
  if (!isMarked && !mayBeSealed(text)) return text
  const stored = mapSettings(
    key,
    text,
    data => secrets.store(namespace, data),
    raw => (isMarked && typeof raw === 'string' ? secrets.sealText(namespace, raw) : raw),
  )
  if (stored !== text && !parseHistoryKey(key) && Buffer.byteLength(stored) > DOCUMENT_BYTES)
    throw new SettingsError(
      'DOCUMENT_TOO_LARGE',
      `"${namespace}" has ${Buffer.byteLength(stored)} bytes with its secrets sealed; ${DOCUMENT_BYTES} are allowed.`,
      { details: { got: Buffer.byteLength(stored), limit: DOCUMENT_BYTES } },
    )
  return stored
}

/** Learns the sensitive places of a schema from its stored text. */
export function learn(key: Key, text: string, secrets: Pick<Secrets, 'learn'>): void {
  if (!key.startsWith('schemas/')) return
  const [username = '', name = '', digest = ''] = splitKey(key).segments
  if (digest === '') return
  try {
    secrets.learn(`${username}/${name}`, digest, parseSchemaParts(text).schema)
  } catch {
    // Not a schema: the watcher reports it, and no value is judged by it.
  }
}

/** Learns all stored schemas; a store that cannot be read now teaches them when it is read. */
async function learnSchemas(inner: Backend, secrets: Secrets): Promise<void> {
  try {
    const { pages } = await inner.list(SCHEMAS)
    for await (const page of pages) for (const { key, text } of page) learn(key, text, secrets)
  } catch (error) {
    if (!isSettingsError(error)) throw error
  }
}

const SCHEMAS = makePrefix('schemas')

async function* mapPages(
  pages: AsyncIterable<readonly Entry[]>,
  map: (page: readonly Entry[]) => Promise<readonly Entry[]>,
): AsyncIterable<readonly Entry[]> {
  for await (const page of pages) yield await map(page)
}
