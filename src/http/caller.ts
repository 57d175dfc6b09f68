import type { FastifyRequest } from 'fastify'
import { ask } from '../../events/ask.ts'
import type { Bus, RootBus } from '../../events/event.ts'
import type { CommandAnswer, CommandContent, CommandName } from '../../events/map.ts'
import { plainAddress } from './allowed-hosts.ts'

/** Says a command in the name of whoever sent a request, and gives its answer. */
export type Say = <N extends CommandName>(request: FastifyRequest, name: N, content: CommandContent<N>) => Promise<CommandAnswer<N>>

/** The bus as whoever sent a request may use it: every command carries its actor. */
export function callerBus(bus: RootBus, request: FastifyRequest): Bus {
  return bus.view({ type: 'user', name: plainAddress(request.ip) ?? 'anonymous' })
}

/** How routes speak on a bus. */
export function createSay(bus: RootBus): Say {
  return (request, name, content) => ask(callerBus(bus, request), name, content)
}
