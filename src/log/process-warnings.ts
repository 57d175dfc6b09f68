import type { Log } from './log.ts'

/**
 * Logs the warnings of Node, such as MaxListenersExceededWarning, until the returned function is called: Node
 * prints them as text, which a reader of a JSON log cannot parse.
 */
export function logProcessWarnings(log: Log): () => void {
  const others = process.listeners('warning')
  const onWarning = ({ name, message }: Error): void => log.warn(`${name}: ${message}`)
  process.removeAllListeners('warning').on('warning', onWarning)
  return () => {
    process.off('warning', onWarning)
    for (const listener of others) process.on('warning', listener)
  }
}
