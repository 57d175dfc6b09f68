import { SettingsError } from '../../model/errors.ts'

/**
 * The result of `work`; work that is late keeps running.
 * @throws SettingsError TIMEOUT with `message` once `seconds` have passed.
 */
export async function within<T>(seconds: number, work: Promise<T> | T, message: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new SettingsError('TIMEOUT', message)), seconds * 1_000)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * The result of `work`; the work keeps running when the signal ends the wait.
 * @throws SettingsError SERVICE_STOPPING once `signal` aborts.
 */
export async function unlessAborted<T>(work: Promise<T> | T, signal: AbortSignal): Promise<T> {
  let abort = (): void => {}
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(new SettingsError('SERVICE_STOPPING', 'The host is stopping.'))
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
