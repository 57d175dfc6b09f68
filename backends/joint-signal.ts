import { setMaxListeners } from 'node:events'

/** Aborts as soon as one of several signals does. */
export interface JointSignal {
  readonly signal: AbortSignal
  /** Lets the others go; to be called once nobody needs this any more. */
  release(): void
}

/**
 * A signal that stands for several. Not `AbortSignal.any`: up to Node 22 that leaves a weak reference at each
 * of them for every one that was ever made, and the signals here live as long as the process.
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
  // Any number of watches may be open at once.
  setMaxListeners(0, ...signals)
  for (const signal of signals) signal.addEventListener('abort', abort)
  if (signals.some(({ aborted }) => aborted)) abort()
  return { signal: joint.signal, release }
}
