import type { Batch, Operation } from '../../../backends/backend.ts'
import { createMemoryBackend, createMemoryStore } from '../../../backends/memory/index.ts'
import type { MemoryStore } from '../../../backends/memory/store.ts'
import { printJson } from '../../../model/json.ts'
import { EVERYTHING, historyKey, type Key } from '../../../model/key.ts'
import type { JsonObject } from '../../../model/value.ts'
import {
  createSchemaDocument,
  printSchemaDocument,
  type SchemaDocument,
} from '../../../src/schema/schema-document.ts'
import { readRecords } from '../../../src/state/document-reader.ts'
import { printRecord } from '../../../src/state/record.ts'
import { Cache } from '../../../src/watcher/cache.ts'
import type { Step } from '../../../src/watcher/step.ts'

/** A memory store and the cache of one controller beside it, brought forward by hand. */
export interface Shelf {
  readonly store: MemoryStore
  readonly cache: Cache
  /** Commits, and applies what was committed. */
  change(...operations: readonly Operation[]): Promise<readonly Step[]>
  /** Applies what the store has and the cache has not. */
  catchUp(): Promise<readonly Step[]>
}

export async function createShelf(controller = 'one', store = createMemoryStore()): Promise<Shelf> {
  const backend = createMemoryBackend(undefined, store)
  await backend.open()
  const cache = new Cache(controller, document => readRecords(backend, document, 50))
  const catchUp = async () => {
    const steps: Step[] = []
    for (let batch = store.after(cache.revision); batch; batch = store.after(cache.revision))
      steps.push(...(await cache.apply(batch)))
    return steps
  }
  return {
    store,
    cache,
    catchUp,
    change: async (...operations) => {
      store.commit(operations)
      return catchUp()
    },
  }
}

/** The whole store as one batch, as a listing gives it. */
export function listed(store: MemoryStore): Batch {
  return { revision: store.revision, changes: store.list(EVERYTHING).map(entry => ({ type: 'put', entry })) }
}

/** A document and its record, as the service commits them. */
export function written(
  key: Key,
  version: number,
  data: JsonObject | undefined,
  writeId = `w${version}`,
): Operation[] {
  const kind = data === undefined ? 'deleted' : version === 1 ? 'created' : 'updated'
  const record = {
    version,
    kind,
    data,
    actor: { type: 'user', name: 'ann' },
    controller: 'one',
    comment: `v${version}`,
    at: '2026-01-01T00:00:00.000Z',
    writeId,
  } as const
  return [
    data === undefined ? { key, delete: true } : { key, put: printJson(data) },
    { key: historyKey(key, version), put: printRecord(record) },
  ]
}

export function schema(properties: JsonObject, version?: string, seed: JsonObject = {}): SchemaDocument {
  return createSchemaDocument({ type: 'object', properties }, seed, version)
}

export function stored(key: Key, document: SchemaDocument): Operation {
  return { key, put: printSchemaDocument(document) }
}
