import type { Json } from '../../model/value.ts'

/** The secrets that a process keeps; the least recently used ones are dropped beyond it. */
const MAX_SECRETS = 100_000

/** A secret by its tag: its sealed text, its value, or both. */
export interface KeptSecret {
  readonly sealed?: string | undefined
  /** Wrapped, because a secret may be any value. */
  readonly plain?: { readonly value: Json } | undefined
}

/** The secrets of tags, and the texts of the marks of invalid values. Bounded. */
export class Vault {
  readonly #kept = new Map<string, KeptSecret>()
  #hasSealed = false

  /** True once a sealed text was seen. */
  get hasSealed(): boolean {
    return this.#hasSealed
  }

  get(namespace: string, tag: string): KeptSecret | undefined {
    const key = keyOf(namespace, tag)
    const found = this.#kept.get(key)
    if (found) {
      this.#kept.delete(key)
      this.#kept.set(key, found)
    }
    return found
  }

  /** Adds what is known of a secret; a given part replaces the known one. */
  add(namespace: string, tag: string, secret: KeptSecret): void {
    const key = keyOf(namespace, tag)
    const known = this.#kept.get(key)
    this.#kept.delete(key)
    this.#kept.set(key, {
      sealed: secret.sealed ?? known?.sealed,
      plain: secret.plain ?? known?.plain,
    })
    if (secret.sealed !== undefined) this.#hasSealed = true
    if (this.#kept.size > MAX_SECRETS) this.#kept.delete(this.#kept.keys().next().value ?? '')
  }
}

function keyOf(namespace: string, tag: string): string {
  return `${namespace} ${tag}`
}
