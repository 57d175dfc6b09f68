import type { Batch } from '../../backends/backend.ts'
import type { Revision } from '../../model/document.ts'
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
  const put = batch.changes.findLast(change => change.type === 'put')
  if (put?.type === 'put') return { revision: batch.revision, key: put.entry.key, text: put.entry.text }
  const last = batch.changes.at(-1)
  return last?.type === 'delete' ? { revision: batch.revision, key: last.key, text: undefined } : undefined
}

/** How many signs of progress may come before the batch that is waited for: servers exist whose progress runs ahead of their events. */
const PATIENCE = 3

/** Stands at the beginning of a resumed watch and lets nothing pass before the anchor has come again. */
export class AnchorCheck {
  readonly #anchor: Anchor | undefined
  #unconfirmed = 0
  #confirmed: boolean

  constructor(anchor: Anchor | undefined) {
    this.#anchor = anchor
    this.#confirmed = anchor === undefined
  }

  get confirmed(): boolean {
    return this.#confirmed
  }

  /**
   * Looks at a batch or progress of the watch.
   * @throws SettingsError HISTORY_LOST, with the reason `rewound` when the store surely has another history than the one announced, else `unconfirmed`.
   */
  see(batch: Batch): void {
    if (this.#confirmed || !this.#anchor) return
    if (batch.changes.length === 0) {
      if (++this.#unconfirmed >= PATIENCE) throw differs(this.#anchor, 'unconfirmed')
    } else if (shows(batch, this.#anchor)) this.#confirmed = true
    // A deletion may have been compacted away without anything being lost.
    else throw differs(this.#anchor, this.#anchor.text === undefined ? 'unconfirmed' : 'rewound')
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
