import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Unsubscribe } from '../../../events/event.ts'
import { ANONYMOUS_NAME } from '../../../model/actor.ts'
import { isSettingsError, SettingsError } from '../../../model/errors.ts'
import { PERMISSIONS, type Permission } from '../../../model/permissions.ts'
import { EVERYTHING_VISIBLE } from '../../../model/rights/visibility.ts'
import type { Log } from '../../log/log.ts'
import type { Principal, Tokens } from '../../tokens/tokens.ts'
import { isForLimited, permissionForRoute } from '../openapi/route-permissions.ts'
import { plainAddress } from './allowed-hosts.ts'
import { type Caller, callerOf, requirePermission, requireUnlimited } from './caller.ts'
import { createJwtCheck, type JwtOptions } from './jwt.ts'

/*
 * Authentication and authorization.
 *
 * Invariants:
 *  1. No route is reached without a caller, or by a caller without the permission that route-permissions.ts
 *     requires. This is decided before a body is read.
 *  2. A sent credential is checked even if none is required: an invalid one never counts as anonymous. Only
 *     open routes ignore it, so that a health probe with an old token is answered like one without.
 *  3. A stream is ended as soon as the credential of its request expires, is revoked or changed.
 *  4. Failed credentials of an address never block requests from it with a token of the store, whose check is
 *     cheap.
 *  5. A token with limits reaches only routes that send commands, which the bus decides on, and streams of
 *     facts, which are filtered (model/rights).
 */

export interface AuthOptions {
  /** False grants callers without a credential all permissions except the administration of tokens. */
  readonly required: boolean
  readonly tokens?: Tokens
  /** Options for login tokens of Kytos; without them no login token is accepted. */
  readonly jwt?: JwtOptions
}

/** Ends a stream, with the reason. */
export type EndStream = (reason: string) => void

export interface Auth {
  /** Sets the caller of a request, or rejects the request. */
  authenticate(request: FastifyRequest): Promise<void>
  /**
   * Calls `end` once, when the credential of a request expires or is revoked; the returned function cancels
   * this.
   */
  guard(request: FastifyRequest, end: EndStream): Unsubscribe
}

/** Maximum number of failed credentials of one address per minute; more are rejected. */
export const MAX_FAILURES_PER_MINUTE = 20
const FAILURE_WINDOW_MS = 60_000
/** Maximum delay of a timer. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** The permissions of callers without a credential, if none is required. */
const ANONYMOUS_PERMISSIONS: ReadonlySet<Permission> = new Set(
  PERMISSIONS.filter(permission => permission !== 'secrets'),
)
const NO_PERMISSIONS: ReadonlySet<Permission> = new Set()
/** The validity and visibility of a caller without a credential. */
const UNLIMITED = {
  visibility: EVERYTHING_VISIBLE,
  expires: Number.POSITIVE_INFINITY,
  isValid: () => true,
}

/** Creates the authentication of an application that does not listen yet. */
export async function createAuth(
  app: FastifyInstance,
  { required, tokens, jwt }: AuthOptions,
  log: Log,
): Promise<Auth> {
  app.decorateRequest('caller', null)
  await app.register(rateLimit, { global: false })
  const failureLimit = app.createRateLimit({ max: MAX_FAILURES_PER_MINUTE, timeWindow: FAILURE_WINDOW_MS })
  const checkJwt = jwt && createJwtCheck(jwt)
  const guarded = new Set<() => void>()
  const recheck = (): void => {
    for (const recheckCaller of guarded) recheckCaller()
  }
  const unsubscribe = tokens?.onChange(recheck)
  app.addHook('onClose', async () => unsubscribe?.())

  const checkFailures = async (request: FastifyRequest, increment: boolean): Promise<number> => {
    const limit = await failureLimit(request, { increment })
    if (limit.isAllowed) return 0
    if (limit.isExceeded) throw rateLimited(limit.ttlInSeconds)
    return limit.max - limit.remaining
  }

  /** The principal of a credential. */
  const checkCredential = async (request: FastifyRequest, text: string): Promise<Principal> => {
    try {
      if (!checkJwt || !isJwt(text)) return checkToken(tokens, text)
      await checkFailures(request, false)
      return await checkJwt(text)
    } catch (error) {
      if (!isSettingsError(error, 'TOKEN_INVALID')) throw error
      const count = await checkFailures(request, true)
      if (count === 1 || count === MAX_FAILURES_PER_MINUTE)
        log.warn(
          `Rejected an invalid credential from ${request.ip} (${count} within a minute): ${error.message}`,
        )
      throw error
    }
  }

  const identify = async (request: FastifyRequest, isOpen: boolean): Promise<Caller> => {
    const text = isOpen ? undefined : bearerOf(request)
    if (text !== undefined) {
      const { name, by, ...principal } = await checkCredential(request, text)
      return { actor: { type: 'user', name, by }, hasCredential: true, ...principal }
    }
    const name = plainAddress(request.ip) ?? ANONYMOUS_NAME
    return {
      actor: { type: 'user', name },
      rights: required ? NO_PERMISSIONS : ANONYMOUS_PERMISSIONS,
      hasCredential: false,
      ...UNLIMITED,
    }
  }

  return {
    async authenticate(request) {
      const { method, routeOptions } = request
      const { url, config } = routeOptions
      const permission = permissionForRoute(method, url, config.operation?.commands)
      request.caller = await identify(request, permission === 'open')
      if (permission === 'open') return
      const purpose = `for ${method} ${url ?? 'this path'}`
      requirePermission(request.caller, permission, purpose)
      if (!isForLimited(url, config.operation)) requireUnlimited(request.caller, purpose)
    },
    guard(request, end) {
      const caller = callerOf(request)
      let timer: NodeJS.Timeout | undefined
      const stop = (): void => {
        clearTimeout(timer)
        guarded.delete(recheckCaller)
      }
      const recheckCaller = (): void => {
        clearTimeout(timer)
        if (!caller.isValid()) {
          stop()
          end('the token was revoked or has expired')
        } else if (caller.expires < Number.POSITIVE_INFINITY) {
          timer = setTimeout(recheckCaller, Math.min(caller.expires - Date.now() + 1, MAX_TIMER_MS))
          timer.unref()
        }
      }
      guarded.add(recheckCaller)
      recheckCaller()
      return stop
    },
  }
}

/** The text after `Authorization: Bearer`; undefined for other schemes. */
function bearerOf({ headers: { authorization = '' } }: FastifyRequest): string | undefined {
  // No regular expression, because some take minutes for a crafted header.
  const [scheme = ''] = authorization.split(' ', 1)
  return scheme.toLowerCase() === 'bearer' ? authorization.slice(scheme.length).trim() : undefined
}

function checkToken(tokens: Tokens | undefined, text: string): Principal {
  if (tokens) return tokens.check(text)
  throw new SettingsError('TOKEN_INVALID', 'This service accepts no tokens.')
}

function isJwt(text: string): boolean {
  return text.split('.').length === 3
}

function rateLimited(seconds: number): SettingsError {
  return new SettingsError(
    'RATE_LIMITED',
    `Too many failed login attempts (${MAX_FAILURES_PER_MINUTE} per minute). Fix the client's credentials and retry in ${seconds} s.`,
    { details: { seconds } },
  )
}
