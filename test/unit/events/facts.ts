import type { Facts } from '../../../events/map.ts'

let n = 0

/** A `settings.changed` with everything but `fields` made up; each has a later cursor than the one before. */
export function changedFact(fields: Partial<Facts['settings.changed']> = {}): Facts['settings.changed'] {
  n++
  return {
    namespace: 'kytos/of_lldp',
    scope: 'cluster',
    kind: 'updated',
    data: {},
    previous: {},
    changes: [],
    revision: String(n),
    version: n,
    epoch: 1,
    cursor: `1.${n}.0`,
    origin: 'live',
    actor: null,
    comment: null,
    ...fields,
  }
}

/** A `box.changed` with everything but `fields` made up. */
export function boxFact(fields: Partial<Facts['box.changed']> = {}): Facts['box.changed'] {
  n++
  return {
    namespace: 'kytos.topology',
    box_id: '1',
    kind: 'updated',
    revision: String(n),
    cursor: `1.${n}.0`,
    origin: 'live',
    actor: null,
    ...fields,
  }
}

/** Passes when all microtasks, and what they began, have run. */
export function settled(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
