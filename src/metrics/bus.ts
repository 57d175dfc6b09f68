import { Counter, Gauge, type Registry } from 'prom-client'
import type { RootBus } from '../../events/event.ts'
import { findCommand } from '../../events/names.ts'

/** Measures a bus: what waits for its listeners, what they failed on, and how commands end. */
export function measureBus(registry: Registry, bus: RootBus): void {
  const registers = [registry]
  new Gauge({
    name: 'kytos_settings_inbox_events',
    help: 'Events that wait for a listener, by its name.',
    labelNames: ['listener'],
    registers,
    collect() {
      // Those who no longer listen leave no number behind.
      this.reset()
      for (const [listener, waiting] of bus.backlog()) this.set({ listener }, waiting)
    },
  })
  new Gauge({
    name: 'kytos_settings_dead_letters',
    help: 'Events that a listener failed on and that were neither handed out again nor dropped.',
    registers,
    collect() {
      this.set(bus.deadLetters.size)
    },
  })
  new Gauge({
    name: 'kytos_settings_consumers',
    help: 'Settings that NApps of this process have open, and their changing hooks.',
    registers,
    collect() {
      this.set(bus.consumers.size)
    },
  })
  const commands = new Counter({
    name: 'kytos_settings_commands_total',
    help: 'Commands that were answered, by name and by the code of the error, which is empty for those that were done.',
    labelNames: ['command', 'code'],
    registers,
  })
  bus.onAnswer(({ event: { name }, error }) => {
    // Anybody may say any name; only those of commands are remembered.
    commands.inc({ command: findCommand(name) ? name : 'unknown', code: error?.code ?? '' })
  })
}
