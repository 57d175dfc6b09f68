import { SettingsError } from '../model/errors.ts'
import type { Bus } from './event.ts'
import type { CommandAnswer, CommandContent, CommandName } from './map.ts'

export interface AskOptions {
  /** The longest wait for the answer, in milliseconds; 30,000 by default. */
  readonly timeout?: number
  /** Stops waiting; the command may still be executed. */
  readonly signal?: AbortSignal
}

/**
 * Emits a command and returns its answer.
 * @throws SettingsError the handler's own, SERVICE_ABSENT, COMMAND_NOT_FOUND, or TIMEOUT after `timeout`; the
 * reason of the signal once it aborts.
 */
export function ask<N extends CommandName>(
  bus: Bus,
  name: N,
  content: CommandContent<N>,
  options: AskOptions = {},
): Promise<CommandAnswer<N>> {
  const { timeout = 30_000, signal } = options
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const abort = (): void => settle(() => reject(signal?.reason))
    const timer = setTimeout(
      () => settle(() => reject(timedOut(name, timeout))),
      Math.min(timeout, MAX_TIMEOUT_MS),
    )
    const settle = (finish: () => void): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
      finish()
    }
    signal?.addEventListener('abort', abort, { once: true })
    const callback = (_event: unknown, data: CommandAnswer<N> | false, error: Error | null): void =>
      // `data` is false only together with an error.
      settle(() => (error ? reject(error) : resolve(data as CommandAnswer<N>)))
    try {
      bus.emit(name, { ...content, callback })
    } catch (error) {
      settle(() => reject(error))
    }
  })
}

/** The longest delay of a timer, about 24 days; Node fires a longer one at once. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

function timedOut(name: string, timeout: number): SettingsError {
  return new SettingsError(
    'TIMEOUT',
    `No response to "${name}" within ${timeout / 1_000} s; it may still be applied. Retrieve the settings before you retry.`,
    { details: { command: name, timeout } },
  )
}
