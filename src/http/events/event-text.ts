import type { KytosEvent } from '../../../events/event.ts'
import { printJson } from '../../../model/json.ts'
import type { Json } from '../../../model/value.ts'

/** Prints an event once for consecutive readers: only the last text is cached. */
export function createPrinter<Printed>(
  print: (event: KytosEvent, cursor: string | undefined) => Printed,
): typeof print {
  let last: { readonly event: KytosEvent; readonly printed: Printed } | undefined
  return (event, cursor) => {
    // An event always has the same cursor.
    if (last?.event !== event) last = { event, printed: print(event, cursor) }
    return last.printed
  }
}

/** A fact as JSON. */
export function printFact(event: KytosEvent): string {
  // An event is plain JSON; only its content type, one of the facts, is wider.
  return printJson(event as unknown as Json)
}
