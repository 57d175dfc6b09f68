import { SettingsError } from '../model/errors.ts'
import type { Bus } from './event.ts'
import type { CommandAnswer, CommandContent, CommandName } from './map.ts'

export interface AskOptions {
  /** Milliseconds to wait for the answer; 30,000 by default. */
  readonly timeout?: number
  /** Stops waiting; what was asked for may still be done. */
  readonly signal?: AbortSignal
}

/**
 * Emits a command and gives its answer.
 * @throws SettingsError the handler's own, SERVICE_ABSENT, COMMAND_NOT_FOUND, or TIMEOUT after `timeout`; the
 * signal's reason once it aborts.
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
      () => settle(() => reject(late(name, timeout))),
      Math.min(timeout, LONGEST_TIMEOUT),
    )
    const settle = (how: () => void): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
      how()
    }
    signal?.addEventListener('abort', abort, { once: true })
    const callback = (_event: unknown, data: CommandAnswer<N> | false, error: Error | null): void =>
      // Without an error `data` is the answer; only a failure puts false in its place.
      settle(() => (error ? reject(error) : resolve(data as CommandAnswer<N>)))
    try {
      bus.emit(name, { ...content, callback })
    } catch (error) {
      settle(() => reject(error))
    }
  })
}

/** What a timer can hold, about 24 days; beyond it Node's fire at once. */
const LONGEST_TIMEOUT = 2 ** 31 - 1

function late(name: string, timeout: number): SettingsError {
  return new SettingsError(
    'TIMEOUT',
    `No response to "${name}" within ${timeout / 1_000} s; it may still be applied. Retrieve the settings before you retry.`,
    { details: { command: name, timeout } },
  )
}
