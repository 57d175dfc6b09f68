import { SettingsError } from '../../../model/errors.ts'
import type { CommandId } from './bus-frames.ts'

/** Maximum number of pending commands of one connection. */
export const MAX_PENDING_COMMANDS = 64
/** Maximum bytes of the frames of pending commands of one connection; above, the connection is not read. */
export const MAX_PENDING_BYTES = 4 * 1_048_576

/** The commands of one connection that are not answered yet, each with a unique id. */
export class PendingCommands {
  /** The bytes of the frame of each command. */
  readonly #bytes = new Map<CommandId, number>()

  get isEmpty(): boolean {
    return this.#bytes.size === 0
  }

  /** True while the frames exceed MAX_PENDING_BYTES. */
  get exceedsBytes(): boolean {
    return [...this.#bytes.values()].reduce((sum, bytes) => sum + bytes, 0) > MAX_PENDING_BYTES
  }

  /** @throws SettingsError CONTENT_MALFORMED for the id of a pending command. */
  checkId(id: CommandId): void {
    if (!this.#bytes.has(id)) return
    throw new SettingsError(
      'CONTENT_MALFORMED',
      `A command with the id ${JSON.stringify(id)} is already pending on this connection: use a unique id per command.`,
      { details: { id } },
    )
  }

  /** @throws SettingsError CONNECTION_BUSY when MAX_PENDING_COMMANDS commands are pending. */
  add(id: CommandId, bytes: number): void {
    if (this.#bytes.size >= MAX_PENDING_COMMANDS)
      throw new SettingsError(
        'CONNECTION_BUSY',
        `${MAX_PENDING_COMMANDS} commands of this connection are pending, the maximum. Wait for an answer before the next command.`,
        { details: { max: MAX_PENDING_COMMANDS } },
      )
    this.#bytes.set(id, bytes)
  }

  delete(id: CommandId): void {
    this.#bytes.delete(id)
  }
}
