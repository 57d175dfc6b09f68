import type { Bus, Unsubscribe } from '../../events/event.ts'
import type { Log } from '../log.ts'

/** A view of the bus whose listeners can all be taken away at once. */
export interface TrackedView {
  readonly bus: Bus
  /** Ends every listener that is left; from then on the view takes no new one. */
  release(): void
}

/** Wraps a NApp's view so that a NApp that forgets its listeners leaves none behind. */
export function trackSubscriptions(view: Bus, log: Log): TrackedView {
  const open = new Set<Unsubscribe>()
  let released = false

  const on = (...args: Parameters<Bus['on']>): Unsubscribe => {
    if (released) {
      log.warn(`it listens to ${String(args[0])} after it was stopped; that is ignored. Clear timers in shutdown().`)
      return () => {}
    }
    const end = view.on(...args)
    const unsubscribe = (): void => {
      open.delete(unsubscribe)
      end()
    }
    open.add(unsubscribe)
    return unsubscribe
  }
  // An overloaded method cannot be rebuilt from its own parameters in the type system; both pass on exactly what they were given.
  const bus = { actor: view.actor, emit: (...args: Parameters<Bus['emit']>) => view.emit(...args), on } as Bus

  return {
    bus,
    release() {
      released = true
      for (const unsubscribe of [...open]) unsubscribe()
    },
  }
}
