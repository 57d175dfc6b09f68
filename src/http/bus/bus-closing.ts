import { SettingsError } from '../../../model/errors.ts'

/**
 * Close codes of a connection, as IANA registers them. ws sets those of malformed frames (1002, 1007, 1009).
 */
export const CLOSE_CODES = {
  stopping: 1001,
  notText: 1003,
  notAllowed: 1008,
  slow: 1013,
} as const

/** The pending end of a connection: its close code and reason, and the error for new commands. */
export interface Closing {
  readonly code: number
  readonly reason: string
  readonly error: SettingsError
}

/** The end of a connection because the service stops. */
export function serviceStopping(reason: string): Closing {
  const message = 'The service is stopping. Reconnect and retry.'
  return { code: CLOSE_CODES.stopping, reason, error: new SettingsError('SERVICE_STOPPING', message) }
}

/** The end of a connection because its credential ended. */
export function credentialEnded(reason: string): Closing {
  const message = 'The token has expired or was revoked. Reconnect with a valid token.'
  return { code: CLOSE_CODES.notAllowed, reason, error: new SettingsError('TOKEN_INVALID', message) }
}
