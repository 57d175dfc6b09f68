import type { IOptions } from 'etcd3'

type FaultHandling = NonNullable<IOptions['faultHandling']>
type Policy = NonNullable<FaultHandling['global']>

// Only `execute` is ever called by etcd3; the rest of the type are events nobody listens to here.
const once = {
  execute: async (run: (context: { signal: AbortSignal }) => unknown) =>
    run({ signal: new AbortController().signal }),
} as unknown as Policy

/**
 * Every call is made once. The client's own policies would repeat a put whose answer was lost, and answer
 * with an open circuit for five seconds after one slow call.
 */
export const CALLED_ONCE: FaultHandling = { host: () => once, global: once }
