import type { Batch } from '../../backends/backend.ts'
import type { Entry, Revision } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import type { Key } from '../../model/key.ts'

/** The last batch that was delivered, known again by one of its changes. A store that does not show it again is another one. */
export interface Anchor {
  readonly revision: Revision
  readonly key: Key
  /** Undefined for a deletion. */
  readonly text: string | undefined
}

/** A batch by one of its puts, for compaction may drop deletions; one with deletions only by the last of them. */
export function anchorOf(batch: Batch): Anchor | undefined {
  let best: Entry | undefined
  for (const change of batch.changes) if (change.type === 'put' && (!best || tellsMore(change.entry, best))) best = change.entry
  if (best) return { revision: batch.revision, key: best.key, text: best.text }
  const last = batch.changes.at(-1)
  return last?.type === 'delete' ? { revision: batch.revision, key: last.key, text: undefined } : undefined
}

/** True when an entry tells a store better from another one: it changed later, or holds the `write_id` that no other commit has. */
export function tellsMore(one: Entry, other: Entry): boolean {
  if (one.revision !== other.revision) return one.revision > other.revision
  return uniqueness(one.key) > uniqueness(other.key)
}

function uniqueness(key: Key): number {
  if (key.startsWith('history/')) return 2
  return key.startsWith('boxes/') ? 1 : 0
}

/** Stands at the beginning of a resumed watch and lets nothing pass before the anchor has come again. */
export class AnchorCheck {
  readonly #anchor: Anchor | undefined
  #confirmed: boolean

  constructor(anchor: Anchor | undefined) {
    this.#anchor = anchor
    this.#confirmed = anchor === undefined
  }

  get confirmed(): boolean {
    return this.#confirmed
  }

  /**
   * Looks at a batch of the watch. Progress says nothing here: servers exist whose progress runs ahead of their events, and members that lag behind.
   * @throws SettingsError HISTORY_LOST, with the reason `rewound` when the store surely has another history than the one announced, else `unconfirmed`.
   */
  see(batch: Batch): void {
    if (this.#confirmed || !this.#anchor || batch.changes.length === 0) return
    if (shows(batch, this.#anchor)) this.#confirmed = true
    // A deletion may have been compacted away without anything being lost.
    else throw differs(this.#anchor, this.#anchor.text === undefined ? 'unconfirmed' : 'rewound')
  }

  /** @throws SettingsError HISTORY_LOST, reason `unconfirmed`, when the anchor did not come and nobody may wait any longer. */
  conclude(): void {
    if (!this.#confirmed && this.#anchor) throw differs(this.#anchor, 'unconfirmed')
  }
}

function shows(batch: Batch, { revision, key, text }: Anchor): boolean {
  if (batch.revision !== revision) return false
  return batch.changes.some(change =>
    change.type === 'put' ? change.entry.key === key && change.entry.text === text : change.key === key && text === undefined,
  )
}

function differs({ revision }: Anchor, reason: 'rewound' | 'unconfirmed'): SettingsError {
  return new SettingsError('HISTORY_LOST', `The store does not show the commit ${revision} again that was announced here.`, { details: { reason } })
}
