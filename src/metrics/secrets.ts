import { Counter, Gauge, type Registry } from 'prom-client'

/** The states of a sealed value: its key is the newest, an older one or absent here, or it is damaged. */
export const SECRET_STATES = ['current', 'older_key', 'key_missing', 'damaged'] as const
export type SecretState = (typeof SECRET_STATES)[number]

/** The numbers of a service's secrets. None is a secret, and none names a place. */
export interface SecretCounts {
  /** The sealed values of the documents in the store, now. */
  readonly states: Readonly<Record<SecretState, number>>
  /** The keys of this controller, the newest one last. */
  readonly kids: readonly string[]
  /** Since the start of the service. */
  readonly sealed: number
  readonly resealed: { readonly document: number; readonly record: number }
  readonly refused: number
}

/** Adds the metrics of secrets; they are counted when they are printed. */
export function measureSecrets(registry: Registry, count: () => SecretCounts): void {
  const registers = [registry]
  new Gauge({
    name: 'kytos_settings_secrets',
    help: 'Sealed values of documents without their history, by state: current, older_key, key_missing or damaged.',
    labelNames: ['state'],
    registers,
    collect() {
      const { states } = count()
      for (const state of SECRET_STATES) this.set({ state }, states[state])
    },
  })
  new Gauge({
    name: 'kytos_settings_secret_keys',
    help: 'Keys of secrets of this controller by kid: 1 for the newest one, which seals, 0 for the others.',
    labelNames: ['kid'],
    registers,
    collect() {
      this.reset()
      const { kids } = count()
      for (const kid of kids) this.set({ kid }, kid === kids.at(-1) ? 1 : 0)
    },
  })
  new Counter({
    name: 'kytos_settings_secrets_sealed_total',
    help: 'Values that this controller sealed, those of dry runs and of resealing included.',
    registers,
    collect() {
      this.reset()
      this.inc(count().sealed)
    },
  })
  new Counter({
    name: 'kytos_settings_secrets_resealed_total',
    help: 'Documents and history records whose secrets this controller sealed again, by kind.',
    labelNames: ['kind'],
    registers,
    collect() {
      this.reset()
      const { resealed } = count()
      for (const kind of ['document', 'record'] as const) this.inc({ kind }, resealed[kind])
    },
  })
  new Counter({
    name: 'kytos_settings_secret_changes_refused_total',
    help: 'Changes of secrets that were refused because their caller without the permission "secrets" made too many.',
    registers,
    collect() {
      this.reset()
      this.inc(count().refused)
    },
  })
}
