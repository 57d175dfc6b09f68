import type { CommandAnswer, CommandContent, CommandName } from '../../events/map.ts'
import type { Player } from './stage.ts'

/** Players whose commands under way can be named. */
export interface TrackedPlayers {
  readonly players: readonly Player[]
  /** One text for each command without an answer so far: controller, name, content, and its age. */
  pending(): readonly string[]
}

/** How much of a command's content is shown, in characters. */
const SHOWN = 120

/** The same players, each command recorded until it is answered. */
export function trackPlayers(players: readonly Player[]): TrackedPlayers {
  const underway = new Map<symbol, { readonly text: string; readonly since: number }>()
  return {
    players: players.map(player => ({
      id: player.id,
      url: player.url,
      tokens: player.tokens,
      async ask<N extends CommandName>(name: N, content: CommandContent<N>): Promise<CommandAnswer<N>> {
        const id = Symbol(name)
        underway.set(id, {
          text: `${player.id} ${name} ${JSON.stringify(content).slice(0, SHOWN)}`,
          since: performance.now(),
        })
        try {
          return await player.ask(name, content)
        } finally {
          underway.delete(id)
        }
      },
    })),
    pending: () =>
      [...underway.values()].map(
        ({ text, since }) => `${text} (${((performance.now() - since) / 1_000).toFixed(1)} s)`,
      ),
  }
}
