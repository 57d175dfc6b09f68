import type { Operation, Outcome } from '../../backends/backend.ts'
import { mayRepeat } from '../../backends/may-repeat.ts'
import type { MemoryStore } from '../../backends/memory/store.ts'
import { settle } from '../../backends/settle.ts'
import type { Entry, Revision } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import type { Key } from '../../model/key.ts'

/**
 * The fate of one copy of a commit: applied and answered, applied and not answered, applied later, or never.
 */
export type Fate = 'answered' | 'applied' | 'late' | 'never'

/** The conclusions of a client from a lost answer; mutants replace a part of them. */
export interface Rules {
  readonly mayRepeat: typeof mayRepeat
  readonly settle: typeof settle
}

const CONTRACT: Rules = { mayRepeat, settle }

/** The limit of copies of one commit. */
const MAX_COPIES = 4

/**
 * A client of a memory store that loses answers as its test decides, and follows the contract like etcd's.
 */
export class LossyClient {
  readonly #store: MemoryStore
  readonly #rules: Rules
  /** The fate of the next copy of a commit. */
  fate: () => Fate = () => 'answered'
  /** Resolves when the connection is usable again after a lost answer. */
  usable: () => Promise<void> = async () => {}
  /** The copies that are still in progress. */
  readonly late: (() => void)[] = []

  constructor(store: MemoryStore, rules: Rules = CONTRACT) {
    this.#store = store
    this.#rules = rules
  }

  /** Commits like a backend; `applied` is called with the revision of each copy that took effect. */
  async commit(
    operations: readonly Operation[],
    applied: (revision: Revision) => void = () => {},
  ): Promise<Outcome> {
    const apply = (): Outcome => {
      const before = this.#store.revision
      const outcome = this.#store.commit(operations)
      if (this.#store.revision > before) applied(this.#store.revision)
      return outcome
    }
    const since = this.#store.revision
    for (let copy = 1; copy <= MAX_COPIES; copy++) {
      const fate = this.fate()
      if (fate === 'answered') {
        const outcome = apply()
        return outcome.committed || copy === 1 ? outcome : this.#settle(operations, since)
      }
      if (fate === 'applied') apply()
      if (fate === 'late') this.late.push(apply)
      await this.usable()
      if (!this.#rules.mayRepeat(operations)) return this.#settle(operations, since)
    }
    throw outcomeUnknown()
  }

  async #settle(operations: readonly Operation[], since: Revision): Promise<Outcome> {
    const entries = new Map(operations.flatMap(({ key }) => this.#held(key)))
    const held = { entries, revision: this.#store.revision, since }
    const settled = await this.#rules.settle(operations, held, async (key, revision) =>
      this.#version(key, revision),
    )
    if (typeof settled === 'object') return settled
    throw outcomeUnknown()
  }

  #held(key: Key): [Key, Entry][] {
    const entry = this.#store.get(key)
    return entry ? [[key, entry]] : []
  }

  #version(key: Key, revision: Revision): Entry | undefined {
    let entry: Entry | undefined
    for (let at = 0n; at < revision; at++) {
      for (const change of this.#store.after(at)?.changes ?? []) {
        if (change.type === 'put' && change.entry.key === key) entry = change.entry
        if (change.type === 'delete' && change.key === key) entry = undefined
      }
    }
    return entry
  }
}

function outcomeUnknown(): SettingsError {
  return new SettingsError('OUTCOME_UNKNOWN', 'The answer was lost.')
}
