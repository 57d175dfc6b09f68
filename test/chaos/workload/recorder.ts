import { isSettingsError } from '../../../model/errors.ts'
import type { Json } from '../../../model/value.ts'
import type { Command, Outcome } from '../history.ts'
import { type Player, PlayerGone } from '../stage.ts'

/** What a command is about, before it is answered. */
export type Asked = Pick<
  Command,
  'id' | 'kind' | 'key' | 'together' | 'dropped' | 'also' | 'refusedBy' | 'confirmWithin'
> & {
  readonly data?: Json
  readonly expected?: Command['expected']
}

/** What a command answered. */
export type Answer = Omit<Extract<Outcome, { type: 'ok' }>, 'type'>

/** Keeps all that one writer asks and is answered. */
export class Recorder {
  readonly #player: Player
  readonly #name: string
  readonly #commands: Command[]
  #count = 0

  constructor(player: Player, name: string, commands: Command[]) {
    this.#player = player
    this.#name = name
    this.#commands = commands
  }

  /** An id that no other command has. */
  id(): string {
    return `${this.#name}/${++this.#count}`
  }

  /** Runs a command and keeps how it ended; `found` names the key that only the answer shows. */
  async record(asked: Asked, work: () => Promise<Answer & { readonly found?: string }>): Promise<Outcome> {
    const sent = process.hrtime.bigint()
    let { key } = asked
    const outcome = await work().then(({ found = key, ...answer }): Outcome => {
      key = found
      return { type: 'ok', ...answer }
    }, failed)
    const answered =
      outcome.type === 'unknown' && outcome.writeId === undefined ? undefined : process.hrtime.bigint()
    this.#commands.push({ ...asked, key, controller: this.#player.id, sent, answered, outcome })
    return outcome
  }
}

function failed(error: unknown): Outcome {
  if (error instanceof PlayerGone) return { type: 'unknown' }
  if (!isSettingsError(error)) return { type: 'refused', code: 'INTERNAL_ERROR', message: String(error) }
  if (error.code !== 'OUTCOME_UNKNOWN') return { type: 'refused', code: error.code, message: error.message }
  const { write_id } = error.details
  return { type: 'unknown', ...(typeof write_id === 'string' && { writeId: write_id }) }
}
