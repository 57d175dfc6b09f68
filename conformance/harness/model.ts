import type { Batch, Change, Expected, Operation, Outcome } from '../../backends/backend.ts'
import type { Entry, Revision } from '../../model/document.ts'
import type { Key } from '../../model/key.ts'
import { keyOf } from './follow.ts'

/*
 * The model of a store, written from the contract alone. It shares no helper with the backends (such as
 * backends/operations.ts), because an error in a shared helper would be in both and be found by no case.
 */

/** One commit and its outcome. */
export interface Call {
  readonly operations: readonly Operation[]
  readonly outcome: Outcome
}

/** The entries and the batches that a store must have, which backends are compared with. */
export interface Model {
  readonly entries: ReadonlyMap<Key, Entry>
  /** The revision that last changed a key, also by deleting it. */
  readonly touched: ReadonlyMap<Key, Revision>
  readonly revision: Revision
  readonly batches: readonly Batch[]
}

/** The model of a store that is empty below a prefix. */
export function emptyModel(revision: Revision): Model {
  return { entries: new Map(), touched: new Map(), revision, batches: [] }
}

/**
 * The model after calls that were in flight together, if there is an order in which the outcome of each is
 * correct and that ends in `entries`; else undefined. Each call happens at one point of that order. There the
 * guards of a committed call hold, and its revision is not behind; the guards of a failed call do not hold,
 * and it found the entries of that point.
 */
export function linearize(
  model: Model,
  calls: readonly Call[],
  entries: readonly Entry[],
): Model | undefined {
  if (calls.length === 0) return sameEntries([...model.entries.values()], entries) ? model : undefined
  const tried = [...calls].sort(byRevision)
  for (const call of tried) {
    const next = step(model, call)
    const end =
      next &&
      linearize(
        next,
        tried.filter(other => other !== call),
        entries,
      )
    if (end) return end
  }
  return undefined
}

function step(model: Model, { operations, outcome }: Call): Model | undefined {
  const wins = operations.every(({ key, expected = 'any' }) => holds(expected, model.entries.get(key)))
  if (wins !== outcome.committed) return undefined
  if (!outcome.committed) return sameEntries(guarded(model, operations), outcome.found) ? model : undefined
  const { revision } = outcome
  if (revision < model.revision) return undefined
  const changes = operations.flatMap(operation => change(model, operation, revision))
  if (changes.some(each => (model.touched.get(keyOf(each)) ?? -1n) >= revision)) return undefined
  return changes.length === 0 ? model : apply(model, revision, changes)
}

function apply(model: Model, revision: Revision, changes: readonly Change[]): Model {
  const entries = new Map(model.entries)
  const touched = new Map(model.touched)
  for (const each of changes) {
    if (each.type === 'put') entries.set(each.entry.key, each.entry)
    else entries.delete(each.key)
    touched.set(keyOf(each), revision)
  }
  const last = model.batches.at(-1)
  const shared = last?.revision === revision ? last.changes : []
  const batch = { revision, changes: [...shared, ...changes].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)) }
  return {
    entries,
    touched,
    revision,
    batches: [...(shared.length > 0 ? model.batches.slice(0, -1) : model.batches), batch],
  }
}

function change(model: Model, operation: Operation, revision: Revision): readonly Change[] {
  const { key } = operation
  if ('check' in operation) return []
  const before = model.entries.get(key)
  if ('delete' in operation) return before ? [{ type: 'delete', key, revision }] : []
  return [
    {
      type: 'put',
      entry: {
        key,
        text: operation.put,
        modRevision: revision,
        createRevision: before?.createRevision ?? revision,
      },
    },
  ]
}

function guarded(model: Model, operations: readonly Operation[]): readonly Entry[] {
  return operations.flatMap(({ key, expected = 'any' }) =>
    expected === 'any' ? [] : (model.entries.get(key) ?? []),
  )
}

function holds(expected: Expected, entry: Entry | undefined): boolean {
  if (expected === 'any') return true
  return expected === 'absent' ? entry === undefined : entry?.modRevision === expected
}

function sameEntries(some: readonly Entry[], others: readonly Entry[]): boolean {
  const line = ({ key, text, modRevision: revision, createRevision: created }: Entry): string =>
    `${key} ${revision} ${created} ${text}`
  return some.map(line).sort().join('\n') === others.map(line).sort().join('\n')
}

/** Sorts failed calls first, then the others by revision: mostly the right order at the first attempt. */
function byRevision(a: Call, b: Call): number {
  const [first, second] = [a, b].map(({ outcome }) => (outcome.committed ? outcome.revision : 0n))
  return Number((first ?? 0n) - (second ?? 0n))
}
