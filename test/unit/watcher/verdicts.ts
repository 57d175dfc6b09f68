import { expect } from 'vitest'
import type { Change as StoreChange } from '../../../backends/backend.ts'
import type { Settings } from '../../../events/nouns.ts'
import { compareCursors, parseCursor, START } from '../../../model/cursor.ts'
import { toSettingsError } from '../../../model/errors.ts'
import { type Key, splitKey } from '../../../model/key.ts'
import type { JsonObject } from '../../../model/value.ts'
import { parseOverridesKey } from '../../../src/state/document-state.ts'
import { parseSchemaKey } from '../../../src/watcher/schema-versions.ts'
import { isAnnounced, keyOf } from '../../../src/watcher/store-index.ts'
import type { Change } from './ensemble.ts'
import type { World } from './world.ts'

/** What a controller answered. */
export type Outcome = Partial<Settings> & { readonly refused?: string }

/**
 * Alike but for what only those know who were there: what came and went by hand before anybody recorded it
 * leaves no trace in the store.
 */
export function expectAlike(known: Outcome, fresh: Outcome, butForData: boolean): void {
  const { revision, data, version = 0, ...rest } = fresh
  expect(known).toMatchObject(rest)
  if (!butForData) expect(known.data).toEqual(data)
  expect(Object.keys(known)).toEqual(Object.keys(fresh))
  expect((known.version ?? 0) - version).toBeGreaterThanOrEqual(0)
  if (fresh.updated_at) expect(known.version).toBe(version)
  expect(BigInt(known.revision ?? 0)).toBeGreaterThanOrEqual(BigInt(revision ?? 0))
}

/** An answer, or the code of the refusal. */
export function outcome(answer: Promise<Settings>): Promise<Outcome> {
  return answer.catch(error => ({ refused: toSettingsError(error).code }))
}

/** Every place once, each after the one before. */
export function expectOrdered(changes: readonly Change[]): void {
  const cursors = changes.map(({ cursor }) => parseCursor(cursor))
  for (const [i, cursor] of cursors.entries())
    expect(compareCursors(cursors[i - 1] ?? START, cursor)).toBeLessThan(0)
}

/** What a listener sees as before is what it saw last. */
export function expectChained(changes: readonly Change[]): void {
  const last = new Map<string, JsonObject>()
  for (const change of changes) {
    if (!('data' in change)) continue
    expect(change.previous).toEqual(last.get(change.namespace) ?? {})
    last.set(change.namespace, change.data)
  }
}

/**
 * Who knows a document, box or schema from facts alone knows whether it is there, and that nothing happened
 * to it since.
 */
export function expectNothingUntold(world: World, changes: readonly Change[]): void {
  const there = new Set<string>()
  for (const change of changes) {
    const subject =
      'box_id' in change ? `box ${change.namespace} ${change.box_id}` : `${change.scope} ${change.namespace}`
    // Several schemas of one namespace are told apart by nobody.
    if ('scope' in change && change.scope === 'schema') continue
    if (change.kind === 'deleted') expect(there.delete(subject)).toBe(true)
    else if (change.kind === 'created') expect(there.has(subject)).toBe(false)
    if (change.kind !== 'deleted') there.add(subject)
  }
  const stored = world.entries().flatMap(({ key }) => subjectOf(key) ?? [])
  expect([...there].sort()).toEqual(stored.sort())
}

function subjectOf(key: Key): string | undefined {
  const { kind, segments } = splitKey(key)
  if (kind === 'boxes') return `box ${segments.join(' ')}`
  const owner = parseOverridesKey(key)
  return owner && `${owner.scope} ${owner.namespace}`
}

/** One line for each fact that the whole history of the store stands for. */
export function expectedFacts(world: World, epoch: number): string[] {
  const facts: string[] = []
  const there = new Set<Key>()
  for (let at = 0n; at < world.revision; ) {
    const batch = world.store.after(at)
    if (!batch) break
    at = batch.revision
    for (const [i, change] of batch.changes.filter(one => isAnnounced(keyOf(one))).entries()) {
      const key = keyOf(change)
      const what = whatChanged(key)
      if (what) facts.push(`${epoch}.${at}.${i + 1} ${what} ${kindOf(change, there)} live`)
      if (change.type === 'put') there.add(key)
      else there.delete(key)
    }
  }
  return facts
}

function whatChanged(key: Key): string | undefined {
  const schema = parseSchemaKey(key)
  return schema ? `schema ${schema.namespace}` : subjectOf(key)
}

function kindOf(change: StoreChange, there: ReadonlySet<Key>): string {
  if (change.type === 'delete') return 'deleted'
  return there.has(change.entry.key) ? 'updated' : 'created'
}

/** One line for a fact, as {@link expectedFacts} gives it. */
export function brief(change: Change): string {
  const what =
    'box_id' in change ? `box ${change.namespace} ${change.box_id}` : `${change.scope} ${change.namespace}`
  return `${change.cursor} ${what} ${change.kind} ${change.origin}`
}
