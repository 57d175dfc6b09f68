import { setMaxListeners } from 'node:events'

/** A signal that aborts as soon as one of several signals does. */
export interface JointSignal {
  readonly signal: AbortSignal
  /** Removes the listeners from the other signals; to be called when this signal is no longer used. */
  release(): void
}

/**
 * Joins several signals into one. This replaces `AbortSignal.any`, which up to Node 22 leaves a weak
 * reference in each of them per call: the signals here live as long as the process.
 */
export function joinSignals(...signals: readonly AbortSignal[]): JointSignal {
  const joint = new AbortController()
  const release = (): void => {
    for (const signal of signals) signal.removeEventListener('abort', abort)
  }
  const abort = (): void => {
    release()
    joint.abort()
  }
  // Any number of watches may be open at the same time, without a warning of Node.
  setMaxListeners(0, ...signals)
  for (const signal of signals) signal.addEventListener('abort', abort)
  if (signals.some(({ aborted }) => aborted)) abort()
  return { signal: joint.signal, release }
}
