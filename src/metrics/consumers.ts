import { Gauge, type Registry } from 'prom-client'
import type { ConsumerState } from '../../events/commands/consumer-nouns.ts'

const NOT_APPLIED = ['pending', 'refused', 'stale'] as const

/** Adds the number of namespaces that are not applied here, by status; `read` returns all consumers. */
export function measureConsumers(registry: Registry, read: () => readonly ConsumerState[]): void {
  new Gauge({
    name: 'kytos_settings_not_applied',
    help: 'Namespaces whose current settings a NApp of this process does not use, by status.',
    labelNames: ['status'],
    registers: [registry],
    collect() {
      const consumers = read()
      for (const status of NOT_APPLIED) {
        const found = consumers.filter(one => one.status === status).map(({ namespace }) => namespace)
        this.set({ status }, new Set(found).size)
      }
    },
  })
}
