import { findCommand } from './names.ts'

const MEBIBYTE = 1_048_576

/** How many bytes a message to the service may have. */
export const MESSAGE_BYTES = MEBIBYTE
/** How many one that carries a box: the largest there is, and what names it. */
export const BOX_MESSAGE_BYTES = 16 * MEBIBYTE + 65_536

/** How many bytes a message that says this command may have; without a command, any other message. */
export function messageBytes(command?: string): number {
  return command !== undefined && findCommand(command)?.carries === 'box' ? BOX_MESSAGE_BYTES : MESSAGE_BYTES
}
