import { randomUUID } from 'node:crypto'
import type { StoreLife, StoreRevision } from '../history.ts'
import type { Etcdctl } from './etcdctl.ts'

/*
 * Invariants:
 *  1. The truth is what etcd's own client prints of a watch from the first revision on, directly on the
 *     server, never what our client made of it.
 *  2. It has every revision up to a mark that was put for the purpose. A watch gives revisions in order, so
 *     once the mark has come nothing before it is missing.
 *  3. Nothing may be taken from the store (compaction, wipe, restore) that was not read before.
 */

/** Outside every prefix. */
const MARK = 'chaos/mark'

/** The history of a store, read piece by piece, over all its lives. */
export interface Truth {
  readonly lives: readonly StoreLife[]
  /**
   * Reads all that happened until now; gives the revision up to which it is whole. `mark` makes a change of
   * the key that it is given, for a store that takes no puts.
   */
  read(mark?: (key: string) => Promise<bigint>): Promise<bigint>
  /** The life so far, up to a revision: what a backup of it holds. */
  upTo(revision: bigint): readonly StoreRevision[]
  /**
   * Begins another life, with the history that it inherits, at the revision that its store continues from.
   */
  begin(history: readonly StoreRevision[], revision: bigint): void
}

/** An event as etcdctl prints it: texts in base64, a deletion with type 1. */
interface PrintedEvent {
  readonly type?: number
  readonly kv: { readonly key: string; readonly value?: string; readonly mod_revision: number }
}

interface PrintedResponse {
  readonly Canceled: boolean
  readonly CompactRevision: number
  readonly Events: readonly PrintedEvent[] | null
}

/** The truth about what lies below `prefix/` in a new store. */
export function createTruth(etcdctl: Etcdctl, prefix: string): Truth {
  const lives: { revisions: StoreRevision[] }[] = [{ revisions: [] }]
  let life = lives[0]?.revisions ?? []
  let next = 1n

  const take = (line: string): void => {
    // Of the numbers only the header's can be too big for a double, and those are not read.
    const { Canceled, CompactRevision, Events } = JSON.parse(line) as PrintedResponse
    if (Canceled || CompactRevision > 0)
      throw new Error(
        `The store lost what had not been read yet, up to ${CompactRevision}: a fault took too much.`,
      )
    const from = next
    for (const event of Events ?? []) {
      const revision = BigInt(event.kv.mod_revision)
      if (revision < from) continue
      add(life, event, `${prefix}/`)
      // A response holds whole revisions.
      next = revision + 1n
    }
  }

  return {
    lives,
    read: async (mark = key => etcdctl.put(key, randomUUID())) => {
      const end = await mark(MARK)
      for await (const line of etcdctl.lines(['watch', '', '--prefix', `--rev=${next}`, '-w', 'json'])) {
        take(line)
        if (next > end) return end
      }
      throw new Error(`The watch ended before it gave revision ${end}.`)
    },
    upTo: revision => life.filter(one => one.revision <= revision),
    begin: (history, revision) => {
      life = [...history]
      lives.push({ revisions: life })
      next = revision + 1n
    },
  }
}

/** Adds an event to the revision it belongs to. */
function add(life: StoreRevision[], { type, kv }: PrintedEvent, prefix: string): void {
  const revision = BigInt(kv.mod_revision)
  const key = decode(kv.key)
  if (!key.startsWith(prefix)) return
  const change = { key: key.slice(prefix.length), text: type === 1 ? undefined : decode(kv.value ?? '') }
  const last = life.at(-1)
  if (last?.revision === revision) life[life.length - 1] = { revision, changes: [...last.changes, change] }
  else life.push({ revision, changes: [change] })
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8')
}
