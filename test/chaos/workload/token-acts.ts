import { makeKey } from '../../../model/key.ts'
import { type Command, type Outcome, tokenName } from '../history.ts'
import type { Random } from '../random.ts'
import type { MadeToken, Player } from '../stage.ts'
import { Recorder } from './recorder.ts'

/** Tokens that are in use at once; the oldest makes room. */
const KEPT = 24

/** The tokens that were made so far, for all writers: made at one controller, used and revoked at any. */
export class TokenPool {
  /** All that were ever made. */
  readonly made: MadeToken[] = []
  #current: MadeToken[] = []

  add(token: MadeToken): void {
    this.made.push(token)
    this.#current = [...this.#current, token].slice(-KEPT)
  }

  /** Undefined while there is none. Revoked ones stay for a while, so that they are tried again. */
  pick(random: Random): MadeToken | undefined {
    const share = random.next()
    return this.#current[Math.floor(share * this.#current.length)]
  }
}

/** What one writer does with tokens. */
export class TokenActs {
  readonly #player: Player
  readonly #random: Random
  readonly #recorder: Recorder
  readonly #pool: TokenPool

  constructor(player: Player, random: Random, recorder: Recorder, pool: TokenPool) {
    this.#player = player
    this.#random = random
    this.#recorder = recorder
    this.#pool = pool
  }

  make(): Promise<Outcome> {
    const id = this.#recorder.id()
    return this.#recorder.record({ id, kind: 'make token', key: '' }, async () => {
      const made = await this.#player.tokens.make(tokenName(id))
      this.#pool.add(made)
      return { found: makeKey('tokens', made.id) }
    })
  }

  async revoke(): Promise<Outcome> {
    const token = this.#pool.pick(this.#random)
    if (!token) return this.make()
    const outcome = await this.#recorder.record(
      { id: this.#recorder.id(), kind: 'revoke token', key: makeKey('tokens', token.id) },
      async () => {
        await this.#player.tokens.revoke(token.id)
        return {}
      },
    )
    // Here it must be good for nothing at once, whatever others know.
    if (outcome.type === 'ok') await this.#check(token)
    return outcome
  }

  async check(): Promise<Outcome> {
    const token = this.#pool.pick(this.#random)
    return token ? this.#check(token) : this.make()
  }

  #check({ id, token }: MadeToken): Promise<Outcome> {
    return recordCheck(this.#player, this.#recorder, id, token)
  }
}

/** Shows every token that was ever made to every controller once more. */
export async function checkAllTokens(players: readonly Player[], { made }: TokenPool): Promise<Command[]> {
  const commands: Command[] = []
  for (const player of players) {
    const recorder = new Recorder(player, `${player.id}/tokens`, commands)
    for (const { id, token } of made) await recordCheck(player, recorder, id, token)
  }
  return commands
}

function recordCheck(player: Player, recorder: Recorder, id: string, token: string): Promise<Outcome> {
  return recorder.record(
    { id: recorder.id(), kind: 'check token', key: makeKey('tokens', id) },
    async () => ({
      sight: await player.tokens.check(token),
    }),
  )
}
