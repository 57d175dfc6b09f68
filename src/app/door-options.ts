import type { Config } from '../boot/config.ts'
import { isLoopback } from '../boot/loopback.ts'
import type { DoorOptions } from '../http/auth/door.ts'
import type { Log } from '../log/log.ts'
import type { Tokens } from '../tokens/tokens.ts'

/** The fewest characters of a secret for HS256 (RFC 7518, 3.2). */
const SHORTEST_SECRET = 32

/** Who may come in, and a word on what an operator may not have meant. */
export function createDoorOptions({ daemon, settings }: Config, tokens: Tokens, log: Log): DoorOptions {
  const { listen, authentication, jwt_rights: rights, tls_cert } = settings
  const required = authentication === 'required'
  if (!isLoopback(listen)) {
    if (!required) log.warn(`Everybody who reaches ${listen} may read and change everything ([settings] allow_anonymous).`)
    else if (tls_cert === undefined)
      log.warn(`Tokens come to ${listen} unencrypted: set tls_cert and tls_key, or have a proxy on this host speak TLS.`)
  }
  const { jwt_secret: secret } = daemon
  if (secret === undefined || rights.length === 0) return { required, tokens }
  if (secret.length >= SHORTEST_SECRET) return { required, tokens, jwt: { secret, rights } }
  log.warn(`Login tokens of Kytos are not accepted: a jwt_secret of less than ${SHORTEST_SECRET} characters can be found by trying.`)
  return { required, tokens }
}
