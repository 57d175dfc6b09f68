import type { Bus, Unsubscribe } from '../../events/event.ts'
import type { Log } from '../log/log.ts'

/** A view of the bus whose listeners and hooks can all be removed at once. */
export interface TrackedView {
  readonly bus: Bus
  /** Removes all remaining listeners and hooks; after that, the view accepts no new ones. */
  release(): void
}

/** Wraps a NApp's view, so that a NApp that does not remove its listeners leaves none behind. */
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
    // The type system cannot express overloaded methods by their own parameters; these wrappers pass their
    // arguments on unchanged.
    emit: (...args: Parameters<Bus['emit']>) => view.emit(...args),
    on: (...args: Parameters<Bus['on']>) => track(`on(${String(args[0])})`, () => view.on(...args)),
    consume: (...args: Parameters<Bus['consume']>) =>
      track(`consume(${args[0]})`, () => view.consume(...args)),
    ...(view.reveal && { reveal: view.reveal }),
  } as Bus

  return {
    bus,
    release() {
      released = true
      for (const unsubscribe of [...open]) unsubscribe()
    },
  }
}
