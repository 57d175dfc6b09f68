import { Counter, Gauge, type Registry } from 'prom-client'
import type { RootBus } from '../../events/event.ts'
import { findCommand } from '../../events/names.ts'

/** Adds the metrics of a bus: queues of listeners, dead letters, consumers and answered commands. */
export function measureBus(registry: Registry, bus: RootBus): void {
  const registers = [registry]
  new Gauge({
    name: 'kytos_settings_inbox_events',
    help: 'Events queued for a listener, by listener name.',
    labelNames: ['listener'],
    registers,
    collect() {
      // Removed listeners must not keep a value.
      this.reset()
      for (const [listener, waiting] of bus.backlog()) this.set({ listener }, waiting)
    },
  })
  new Gauge({
    name: 'kytos_settings_dead_letters',
    help: 'Events whose listener failed, and that were neither redelivered nor dropped.',
    registers,
    collect() {
      this.set(bus.deadLetters.size)
    },
  })
  new Gauge({
    name: 'kytos_settings_consumers',
    help: 'Settings opened by NApps of this process, and their changing hooks.',
    registers,
    collect() {
      this.set(bus.consumers.size)
    },
  })
  const commands = new Counter({
    name: 'kytos_settings_commands_total',
    help: 'Answered commands, by name and error code; the code is empty for successful commands.',
    labelNames: ['command', 'code'],
    registers,
  })
  bus.onAnswer(({ event: { name }, error }) => {
    // A client may send any name; only names of commands become labels.
    commands.inc({ command: findCommand(name) ? name : 'unknown', code: error?.code ?? '' })
  })
}
