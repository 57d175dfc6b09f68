import type { Config } from '../boot/config.ts'
import { isLoopback } from '../boot/loopback.ts'
import type { AuthOptions } from '../http/auth/auth.ts'
import type { Log } from '../log/log.ts'
import type { Tokens } from '../tokens/tokens.ts'

/** The minimum length of a secret for HS256, in characters (RFC 7518, 3.2). */
const MIN_SECRET_LENGTH = 32

/** The authentication options of a configuration; logs a warning for those that are probably unintended. */
export function createAuthOptions({ daemon, settings }: Config, tokens: Tokens, log: Log): AuthOptions {
  const { listen, authentication, jwt_rights: rights, tls_cert } = settings
  const required = authentication === 'required'
  if (!isLoopback(listen)) {
    if (!required)
      log.warn(
        `Authentication is off ([settings] allow_anonymous): every client that reaches ${listen} can read and change all settings.`,
      )
    else if (tls_cert === undefined)
      log.warn(
        `Tokens are sent to ${listen} unencrypted. Set tls_cert and tls_key in [settings], or put a TLS proxy on this host.`,
      )
  }
  const { jwt_secret: secret } = daemon
  if (secret === undefined || rights.length === 0) return { required, tokens }
  if (secret.length >= MIN_SECRET_LENGTH) return { required, tokens, jwt: { secret, rights } }
  log.warn(
    `Login tokens of Kytos are rejected: jwt_secret in [daemon] must have at least ${MIN_SECRET_LENGTH} characters.`,
  )
  return { required, tokens }
}
