import type { Entry } from '../../model/document.ts'
import { type Key, parseHistoryKey } from '../../model/key.ts'
import { parseRecord } from '../state/record.ts'
import { kindOf, transferredText } from './transferred-content.ts'

/** An entry to be put. */
export interface Put {
  readonly key: Key
  readonly text: string
}

/** Puts that must become visible in one commit: one entry, or a document and its newest record. */
export interface PutBatch {
  readonly puts: readonly Put[]
  /** True when it needs a later revision than the batch before it, because their order has a meaning. */
  readonly isLater: boolean
}

/**
 * Batches that must be committed in their order. `order` is the number of an entry by which that order can be
 * read in a store: `createRevision` for boxes, which are listed in the order of their creation; `modRevision`
 * for schemas, of which the newest counts; undefined for other entries.
 */
export interface BatchGroup {
  readonly order: 'createRevision' | 'modRevision' | undefined
  readonly batches: readonly PutBatch[]
}

/** Groups the entries of a store; the order of different groups does not matter. */
export function batchGroupsOf(entries: readonly Entry[]): BatchGroup[] {
  const boxes = new Map<string, Entry[]>()
  const schemas = new Map<string, Entry[]>()
  const documents = new Map<string, Entry[]>()
  for (const entry of entries) {
    const kind = kindOf(entry.key)
    if (kind === 'boxes') addTo(boxes, parentOf(entry.key), entry)
    else if (kind === 'schemas') addTo(schemas, parentOf(entry.key), entry)
    else addTo(documents, parseHistoryKey(entry.key)?.document ?? entry.key, entry)
  }
  return [
    ...[...documents.values()].map(documentGroup),
    ...[...schemas.values()].map(all => orderedGroup(all, 'modRevision')),
    ...[...boxes.values()].map(all => orderedGroup(all, 'createRevision')),
  ]
}

/**
 * Entries in the order of a revision. Those that share one are in the order of their keys, so an entry with a
 * higher key than the one before it needs no later revision.
 */
function orderedGroup(entries: readonly Entry[], order: 'createRevision' | 'modRevision'): BatchGroup {
  const sorted = [...entries].sort((a, b) => compare(a[order], b[order]) || compare(a.key, b.key))
  return {
    order,
    batches: sorted.map((entry, n) => ({
      puts: [putOf(entry)],
      isLater: n > 0 && entry.key < (sorted[n - 1]?.key ?? ''),
    })),
  }
}

/**
 * A document and its history. A document counts as recorded when its newest record is of the same revision. A
 * hand edit that is not recorded yet must not count as recorded, so its document follows in a later revision.
 */
function documentGroup(entries: readonly Entry[]): BatchGroup {
  const records = entries.filter(({ key }) => parseHistoryKey(key)).sort((a, b) => compare(a.key, b.key))
  const document = entries.find(({ key }) => !parseHistoryKey(key))
  const newest = records.at(-1)
  const recorded = document && newest && parseRecord(newest)?.of === document.modRevision
  const alone = (recorded ? records.slice(0, -1) : records).map(entry => ({
    puts: [putOf(entry)],
    isLater: false,
  }))
  const last = document
    ? [
        {
          puts: [document, ...(recorded ? [newest] : [])].map(putOf),
          isLater: !recorded && newest !== undefined,
        },
      ]
    : []
  return { order: undefined, batches: [...alone, ...last] }
}

function putOf(entry: Entry): Put {
  return { key: entry.key, text: transferredText(entry) }
}

function addTo(groups: Map<string, Entry[]>, name: string, entry: Entry): void {
  const known = groups.get(name)
  if (known) known.push(entry)
  else groups.set(name, [entry])
}

function parentOf(key: Key): string {
  return key.slice(0, key.lastIndexOf('/'))
}

function compare<T extends bigint | string>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0
}
