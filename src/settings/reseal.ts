import { setImmediate as turn } from 'node:timers/promises'
import type { Backend, Operation } from '../../backends/backend.ts'
import { type Entry, printRevision } from '../../model/document.ts'
import { isSettingsError } from '../../model/errors.ts'
import { parseJson, printJson } from '../../model/json.ts'
import { historyKey, historyPrefix, type Key, parseHistoryKey } from '../../model/key.ts'
import type { Namespace, Scope } from '../../model/namespace.ts'
import { isObject, type Json } from '../../model/value.ts'
import type { Log } from '../log/log.ts'
import type { SecretsOfStore } from '../secrets/secrets-of-store.ts'
import { type DocumentState, isRecorded } from '../state/document-state.ts'
import { parseRecord, printRecord } from '../state/record.ts'
import type { Cache } from '../watcher/cache.ts'

/*
 * Seals the secrets of documents and history records again, in place.
 *
 * Invariants:
 *  1. A document and its newest record are one commit, guarded by both revisions. So no change is undone, and a
 *     controller that stops half-way leaves a store that any controller continues.
 *  2. Sealing changes no setting: a record keeps its version and the revision of its change, and gains
 *     `resealed`.
 *  3. What is sealed already is not written.
 */

/** The store to seal again, and what this process knows of it. */
export interface ResealOptions {
  readonly backend: Backend
  readonly cache: Cache
  readonly secrets: SecretsOfStore
  readonly log: Log
}

/** The result for one document or record; `left` when another change kept it from being sealed. */
type Result = 'sealed' | 'same' | 'left'

/** The numbers of what was sealed again. */
export interface Resealed {
  readonly documents: number
  /** The history records beside those of these documents. */
  readonly records: number
  /** What other changes kept from being sealed. */
  readonly left: number
}

export const NOTHING_RESEALED: Resealed = { documents: 0, records: 0, left: 0 }

/** The numbers of an earlier attempt and a later one, which found again what the earlier one left. */
export function addUp(earlier: Resealed, later: Resealed): Resealed {
  return {
    documents: earlier.documents + later.documents,
    records: earlier.records + later.records,
    left: later.left,
  }
}

/**
 * Seals the documents of a namespace, or its document in a scope, and their history.
 * @throws SettingsError KEY_MISSING, and the errors of the store.
 */
export async function resealNamespace(
  namespace: Namespace,
  options: ResealOptions,
  signal: AbortSignal,
  scope?: Scope,
): Promise<Resealed> {
  const counts = { documents: 0, records: 0, left: 0 }
  for (const state of [...options.cache.documents()]) {
    if (state.namespace !== namespace || (scope !== undefined && state.scope !== scope)) continue
    if (signal.aborted) break
    const result = await resealDocument(state, options)
    if (result === 'sealed') counts.documents++
    if (result === 'left') counts.left++
    await turn()
    const { pages } = await options.secrets.listStored(historyPrefix(state.key))
    for await (const page of pages)
      for (const entry of page) {
        if (signal.aborted) break
        const one = await resealRecord(state.key, entry, result === 'left', options)
        if (one === 'sealed') counts.records++
        if (one === 'left') counts.left++
      }
  }
  return counts
}

/** Seals a document and its newest record. */
export async function resealDocument(
  { key, entry: cached }: DocumentState,
  { backend, cache, secrets, log }: ResealOptions,
): Promise<Result> {
  const stored = cached && (await secrets.stored(key))
  if (!stored || !(await needsSealing(stored, secrets))) return 'same'
  const state = cache.stateOf(key)
  // A manual edit gets its record first, and the cache has to know what is stored.
  if (!state?.entry || !state.record || state.entry.modRevision !== stored.modRevision || !isRecorded(state))
    return 'left'
  const { entry, record } = state
  const operations: Operation[] = [
    { key, put: entry.text, expected: entry.modRevision },
    {
      key: historyKey(key, record.version),
      put: printRecord(record, record.of, undefined, true),
      expected: record.stored,
    },
  ]
  const { committed } = await backend.commit(operations)
  if (committed) log.info(`Sealed the secrets of ${key}.`)
  return committed ? 'sealed' : 'left'
}

/** Seals a record of a document; `isLeft` when the document itself could not be sealed. */
async function resealRecord(
  document: Key,
  entry: Entry,
  isLeft: boolean,
  options: ResealOptions,
): Promise<Result> {
  const { backend, cache, secrets } = options
  if (parseHistoryKey(entry.key)?.document !== document || !(await needsSealing(entry, secrets)))
    return 'same'
  const record = parseRecord(entry)
  const value = parse(secrets.renewedText(entry))
  if (!record || !isObject(value)) return 'same'
  const state = cache.stateOf(document)
  const isNewest = state?.entry !== undefined && state.record?.version === record.version
  // The mark of the newest record is that of its document, with which it is sealed.
  if (isNewest && (isLeft || record.resealed !== undefined)) return 'left'
  const put = printJson({ ...value, revision: printRevision(record.of), resealed: true })
  const { committed } = await backend.commit([{ key: entry.key, put, expected: entry.modRevision }])
  return committed ? 'sealed' : 'left'
}

/** True when a text has a secret to seal; from then on the tags of its secrets mean texts with the newest key. */
async function needsSealing(stored: Entry, secrets: ResealOptions['secrets']): Promise<boolean> {
  const isDue = () => secrets.renewedText(stored) !== stored.text
  try {
    if (!isDue()) return false
  } catch (error) {
    if (!isSettingsError(error, 'KEY_MISSING')) throw error
  }
  // Only with the keys that the store names.
  await secrets.requireKeys()
  return isDue()
}

function parse(text: string): Json | undefined {
  try {
    return parseJson(text)
  } catch {
    return undefined // Another program wrote it.
  }
}
