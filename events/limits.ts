import { findCommand } from './names.ts'

const MEBIBYTE = 1_048_576

/** The maximum size of a message to the service, in bytes. */
export const MESSAGE_BYTES = MEBIBYTE
/** The maximum size of a message with a box, in bytes: the largest box, and the fields that name it. */
export const BOX_MESSAGE_BYTES = 16 * MEBIBYTE + 65_536

/** The maximum size of a message with this command, in bytes; without a command, of any other message. */
export function messageBytes(command?: string): number {
  return command !== undefined && findCommand(command)?.carries === 'box' ? BOX_MESSAGE_BYTES : MESSAGE_BYTES
}
