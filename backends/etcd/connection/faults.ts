import type { IOptions } from 'etcd3'

type FaultHandling = NonNullable<IOptions['faultHandling']>
type Policy = NonNullable<FaultHandling['global']>

// The cast: etcd3 calls only `execute`; the rest of the type are events without a listener here.
const once = {
  execute: async (run: (context: { signal: AbortSignal }) => unknown) =>
    run({ signal: new AbortController().signal }),
} as unknown as Policy

/**
 * The policy that makes every call once. The default policies of etcd3 would repeat a put whose answer was
 * lost, and fail calls for five seconds after one slow call.
 */
export const CALLED_ONCE: FaultHandling = { host: () => once, global: once }
