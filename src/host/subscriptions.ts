import type { Bus, Unsubscribe } from '../../events/event.ts'
import type { Log } from '../log/log.ts'

/** A view of the bus whose listeners and hooks can all be taken away at once. */
export interface TrackedView {
  readonly bus: Bus
  /** Ends every listener and hook that is left; from then on the view takes no new one. */
  release(): void
}

/** Wraps a NApp's view so that a NApp that forgets its listeners leaves none behind. */
export function trackSubscriptions(view: Bus, log: Log): TrackedView {
  const open = new Set<Unsubscribe>()
  let released = false

  const track = (what: string, begin: () => Unsubscribe): Unsubscribe => {
    if (released) {
      log.warn(`Ignored a call of ${what} after the NApp was stopped. Clear timers in shutdown().`)
      return () => {}
    }
    const end = begin()
    const unsubscribe = (): void => {
      open.delete(unsubscribe)
      end()
    }
    open.add(unsubscribe)
    return unsubscribe
  }
  const bus = {
    actor: view.actor,
    // Overloaded methods cannot be rebuilt from their own parameters in the type system; these pass on
    // exactly what they were given.
    emit: (...args: Parameters<Bus['emit']>) => view.emit(...args),
    on: (...args: Parameters<Bus['on']>) => track(`on(${String(args[0])})`, () => view.on(...args)),
    consume: (...args: Parameters<Bus['consume']>) =>
      track(`consume(${args[0]})`, () => view.consume(...args)),
  } as Bus

  return {
    bus,
    release() {
      released = true
      for (const unsubscribe of [...open]) unsubscribe()
    },
  }
}
