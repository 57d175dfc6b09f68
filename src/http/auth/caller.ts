import type { FastifyRequest } from 'fastify'
import { ask } from '../../../events/ask.ts'
import type { Bus, Consumer, EmitOptions, Listener, ListenOptions, RootBus } from '../../../events/event.ts'
import type { CommandAnswer, CommandContent, CommandName } from '../../../events/map.ts'
import { permissionFor } from '../../../events/names.ts'
import type { Actor } from '../../../model/actor.ts'
import { SettingsError } from '../../../model/errors.ts'
import type { Right } from '../../../model/permissions.ts'

/** Who sent a request, and what they may do. The door (door.ts) puts one on every request before anything else looks at it. */
export interface Caller {
  /** As the history names them. */
  readonly actor: Actor
  readonly rights: ReadonlySet<Right>
  /** False for somebody who showed no credential. */
  readonly known: boolean
  /** When that ends, in Unix milliseconds; infinity for never. */
  readonly expires: number
  /** False once the credential was revoked or has expired. */
  holds(): boolean
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Null only before the door. */
    caller: Caller | null
  }
}

/** Says a command in the name of whoever sent a request, and gives its answer. */
export type Say = <N extends CommandName>(request: FastifyRequest, name: N, content: CommandContent<N>) => Promise<CommandAnswer<N>>

/**
 * The bus as whoever sent a request may use it: every command carries its actor, and what they may not say or hear, or no longer, is refused there and then.
 */
export function callerBus(bus: RootBus, request: FastifyRequest): Bus {
  const caller = callerOf(request)
  const view = bus.view(caller.actor)
  return {
    actor: caller.actor,
    emit(name: string, content?: object, options?: EmitOptions) {
      requireRight(caller, permissionFor(name), `to say "${name}"`)
      return view.emit(name, content, options)
    },
    on(to: string | RegExp, listener: Listener<never>, options?: ListenOptions) {
      requireRight(caller, 'read', 'to listen')
      // The overloads of Bus type the content by the name that is listened to.
      return view.on(to, listener as Listener, options)
    },
    consume(namespace: string, consumer?: Consumer) {
      requireRight(caller, 'write', 'to be asked before others change settings')
      return view.consume(namespace, consumer)
    },
  }
}

/** How routes speak on a bus. */
export function createSay(bus: RootBus): Say {
  return (request, name, content) => ask(callerBus(bus, request), name, content)
}

/** Who sent a request. */
export function callerOf(request: FastifyRequest): Caller {
  if (request.caller) return request.caller
  throw new SettingsError('INTERNAL_ERROR', `${request.method} ${request.url} came past the door.`)
}

/** @throws SettingsError PERMISSION_DENIED; TOKEN_REQUIRED for who showed no credential; TOKEN_INVALID for one that holds no longer. */
export function requireRight(caller: Caller, right: Right, what: string): void {
  if (!caller.holds()) throw new SettingsError('TOKEN_INVALID', 'The token has expired or was revoked meanwhile.')
  if (caller.rights.has(right)) return
  if (!caller.known) throw tokenRequired()
  const rights = [...caller.rights]
  throw new SettingsError('PERMISSION_DENIED', `${caller.actor.name} has the rights ${rights.join(', ') || 'none'}; it takes "${right}" ${what}.`, {
    details: { needs: right, rights },
  })
}

/** Nobody but who shows a credential that administers, also where none is needed: what is made there outlives that. @throws SettingsError TOKEN_REQUIRED. */
export function requireKnown(request: FastifyRequest): Caller {
  const caller = callerOf(request)
  if (caller.known) return caller
  throw tokenRequired()
}

function tokenRequired(): SettingsError {
  return new SettingsError(
    'TOKEN_REQUIRED',
    'This takes a token: send "Authorization: Bearer <token>". "kytos-settings token create NAME", on the host of the service, makes one.',
  )
}
