import type { Difference } from '../../../events/differences.ts'
import type { Json } from '../../../model/value.ts'
import { pathOf, printKey } from '../terminal/key-path.ts'
import { show } from '../terminal/print-answer.ts'

/** A difference as text: `liveness.min_hellos 2 -> 3`. */
export function showDifference({ path, old, new: now }: Difference): string {
  const print = (value: Json | undefined): string => (value === undefined ? 'unset' : show(value))
  return `${printKey(pathOf(path))} ${print(old)} -> ${print(now)}`
}
