import type { FastifyRequest } from 'fastify'
import { ask } from '../../../events/ask.ts'
import type { Bus, Consumer, EmitOptions, Listener, ListenOptions, RootBus } from '../../../events/event.ts'
import type { CommandAnswer, CommandContent, CommandName } from '../../../events/map.ts'
import { permissionFor } from '../../../events/names.ts'
import type { Actor } from '../../../model/actor.ts'
import { SettingsError } from '../../../model/errors.ts'
import type { Permission } from '../../../model/permissions.ts'
import { unlimitedRequired } from '../../../model/rights/command-rules.ts'
import type { Visibility } from '../../../model/rights/visibility.ts'

/**
 * The authenticated sender of a request, and its permissions. auth.ts sets it before any other code handles
 * the request.
 */
export interface Caller {
  /** The name of the caller in the history. */
  readonly actor: Actor
  readonly rights: ReadonlySet<Permission>
  readonly visibility: Visibility
  /** False for a request without a credential. */
  readonly hasCredential: boolean
  /** Expiry in Unix milliseconds; infinity for a credential without expiry. */
  readonly expires: number
  /** False once the credential was revoked or has expired. */
  isValid(): boolean
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Null only before authentication. */
    caller: Caller | null
  }
}

/** Sends a command on behalf of the caller of a request, and returns its answer. */
export type SendCommand = <N extends CommandName>(
  request: FastifyRequest,
  name: N,
  content: CommandContent<N>,
) => Promise<CommandAnswer<N>>

/**
 * The bus with the permissions and the visibility of a caller: every command carries its actor, and an
 * operation without the permission, or after the credential ended, is rejected.
 */
export function callerBus(bus: RootBus, request: FastifyRequest): Bus {
  const caller = callerOf(request)
  const { actor, visibility, rights } = caller
  const view = bus.view(actor, { visibility, mayReadSecrets: rights.has('secrets') })
  return {
    actor: caller.actor,
    emit(name: string, content?: object, options?: EmitOptions) {
      requirePermission(caller, permissionFor(name), `to send "${name}"`)
      return view.emit(name, content, options)
    },
    on(to: string | RegExp, listener: Listener<never>, options?: ListenOptions) {
      requirePermission(caller, 'read', 'to subscribe to events')
      // The overloads of Bus type the content by the name that is listened to.
      return view.on(to, listener as Listener, options)
    },
    consume(namespace: string, consumer?: Consumer) {
      requirePermission(caller, 'write', 'to register a changing hook')
      return view.consume(namespace, consumer)
    },
  }
}

/** Creates the function with which routes send commands on a bus. */
export function createSendCommand(bus: RootBus): SendCommand {
  return (request, name, content) => ask(callerBus(bus, request), name, content)
}

/** The caller of a request. */
export function callerOf(request: FastifyRequest): Caller {
  if (request.caller) return request.caller
  throw new SettingsError('INTERNAL_ERROR', `${request.method} ${request.url} has no authenticated caller.`)
}

/**
 * @throws SettingsError PERMISSION_DENIED; TOKEN_REQUIRED without a credential; TOKEN_INVALID for a
 * credential that has ended.
 */
export function requirePermission(caller: Caller, permission: Permission, purpose: string): void {
  if (!caller.isValid())
    throw new SettingsError('TOKEN_INVALID', 'The token has expired or was revoked. Use a valid token.')
  if (caller.rights.has(permission)) return
  if (!caller.hasCredential) throw tokenRequired()
  const rights = [...caller.rights]
  throw new SettingsError(
    'PERMISSION_DENIED',
    `${caller.actor.name} lacks the permission "${permission}", which is required ${purpose}. Its permissions: ${rights.join(', ') || 'none'}. Use a token with this permission.`,
    {
      details: { needs: permission, rights },
    },
  )
}

/** @throws SettingsError PERMISSION_DENIED for a caller that does not see everything. */
export function requireUnlimited({ actor, visibility }: Caller, purpose: string): void {
  if (visibility.limits) throw unlimitedRequired(actor.name, purpose, visibility.limits)
}

/**
 * The caller, which must have a credential even if the service requires none, because tokens outlive that
 * setting.
 * @throws SettingsError TOKEN_REQUIRED.
 */
export function requireCredential(request: FastifyRequest): Caller {
  const caller = callerOf(request)
  if (caller.hasCredential) return caller
  throw tokenRequired()
}

function tokenRequired(): SettingsError {
  return new SettingsError(
    'TOKEN_REQUIRED',
    'This request requires a token: send "Authorization: Bearer <token>". "kytos-settings token create NAME" on the host of the service creates one.',
  )
}
