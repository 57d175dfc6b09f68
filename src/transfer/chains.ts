import type { Entry } from '../../model/document.ts'
import { type Key, parseHistoryKey } from '../../model/key.ts'
import { parseRecord } from '../state/record.ts'
import { carriedText, kindOf } from './moved.ts'

/** One entry to be put. */
export interface Put {
  readonly key: Key
  readonly text: string
}

/**
 * What must become visible in one commit: one entry, or a document and the newest record of it. `later`: in a
 * later revision than the step before it, because the order of revisions means something there.
 */
export interface Step {
  readonly puts: readonly Put[]
  readonly later: boolean
}

/**
 * Steps that must be taken one after the other. By which number of an entry their order can be read in a
 * store: `createRevision` for boxes, which are listed in the order of their creation; `modRevision` for schemas, of
 * which the newest counts; none for others.
 */
export interface Chain {
  readonly order: 'createRevision' | 'modRevision' | undefined
  readonly steps: readonly Step[]
}

/** The entries of a store as chains: of different ones the order does not matter. */
export function chainsOf(entries: readonly Entry[]): Chain[] {
  const boxes = new Map<string, Entry[]>()
  const schemas = new Map<string, Entry[]>()
  const documents = new Map<string, Entry[]>()
  for (const entry of entries) {
    const kind = kindOf(entry.key)
    if (kind === 'boxes') group(boxes, parentOf(entry.key), entry)
    else if (kind === 'schemas') group(schemas, parentOf(entry.key), entry)
    else group(documents, parseHistoryKey(entry.key)?.document ?? entry.key, entry)
  }
  return [
    ...[...documents.values()].map(documentChain),
    ...[...schemas.values()].map(all => orderedChain(all, 'modRevision')),
    ...[...boxes.values()].map(all => orderedChain(all, 'createRevision')),
  ]
}

/**
 * Of entries that share a revision the order is that of their keys, so a key above the one before need not be
 * later.
 */
function orderedChain(entries: readonly Entry[], order: 'createRevision' | 'modRevision'): Chain {
  const sorted = [...entries].sort((a, b) => compare(a[order], b[order]) || compare(a.key, b.key))
  return {
    order,
    steps: sorted.map((entry, n) => ({
      puts: [carried(entry)],
      later: n > 0 && entry.key < (sorted[n - 1]?.key ?? ''),
    })),
  }
}

/**
 * A document and its history. A document counts as recorded when its newest record is of the same revision;
 * one that was edited by hand, and not recorded yet, must not: there the record comes first, and the document
 * later.
 */
function documentChain(entries: readonly Entry[]): Chain {
  const records = entries.filter(({ key }) => parseHistoryKey(key)).sort((a, b) => compare(a.key, b.key))
  const document = entries.find(({ key }) => !parseHistoryKey(key))
  const newest = records.at(-1)
  const recorded = document && newest && parseRecord(newest)?.of === document.modRevision
  const alone = (recorded ? records.slice(0, -1) : records).map(entry => ({
    puts: [carried(entry)],
    later: false,
  }))
  const last = document
    ? [
        {
          puts: [document, ...(recorded ? [newest] : [])].map(carried),
          later: !recorded && newest !== undefined,
        },
      ]
    : []
  return { order: undefined, steps: [...alone, ...last] }
}

function carried(entry: Entry): Put {
  return { key: entry.key, text: carriedText(entry) }
}

function group(groups: Map<string, Entry[]>, name: string, entry: Entry): void {
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
