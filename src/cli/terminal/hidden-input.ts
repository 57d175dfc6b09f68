import type { CliContext } from './cli-context.ts'

/** The longest line, in bytes. */
const MAX_BYTES = 64 * 1_024
const CTRL_C = 0x03
const CTRL_D = 0x04
const CTRL_U = 0x15
const CTRL_Z = 0x1a
const BACKSPACE = 0x08
const DELETE = 0x7f
const ESCAPE = 0x1b
const SPACE = 0x20

/** Input that its user has interrupted with Ctrl-C or Ctrl-D. */
export class InputInterrupted extends Error {
  override readonly name = 'InputInterrupted'
}

/**
 * Reads lines of a terminal that are not shown.
 *
 * Invariants:
 *  1. The terminal shows nothing that is typed between {@link openHiddenInput} and `close`, so that a secret
 *     that is typed or pasted early is not shown either.
 *  2. `close` returns the terminal to its state, after an error too.
 */
export interface HiddenInput {
  /** The line after a question. @throws InputInterrupted. */
  ask(question: string): Promise<string>
  close(): Promise<void>
}

/** Hides what is typed; undefined without a terminal. */
export function openHiddenInput({ stdin, stderr }: CliContext): HiddenInput | undefined {
  if (!stdin.isTTY || !stdin.setRawMode || stderr.isTTY !== true) return undefined
  const { setRawMode } = stdin
  setRawMode(true)
  const bytes = bytesOf(stdin)
  return {
    async ask(question) {
      stderr.write(question)
      try {
        return await readLine(bytes)
      } finally {
        stderr.write('\n')
      }
    },
    async close() {
      setRawMode(false)
      await bytes.return(undefined)
    },
  }
}

async function* bytesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<number, undefined> {
  for await (const chunk of chunks) yield* chunk
}

/** The keys of a line, as a terminal edits it; escape sequences of other keys are ignored. */
async function readLine(bytes: AsyncGenerator<number, undefined>): Promise<string> {
  const line: number[] = []
  for (;;) {
    const { value: byte } = await bytes.next()
    if (byte === undefined || byte === CTRL_C || byte === CTRL_D || byte === CTRL_Z)
      throw new InputInterrupted('Interrupted: nothing was stored.')
    if (byte === 0x0d || byte === 0x0a) return Buffer.from(line).toString('utf8')
    if (byte === BACKSPACE || byte === DELETE) dropCharacter(line)
    else if (byte === CTRL_U) line.length = 0
    else if (byte === ESCAPE) await skipSequence(bytes)
    else if ((byte >= SPACE || byte === 0x09) && line.length < MAX_BYTES) line.push(byte)
  }
}

/** Removes the last character of a UTF-8 text. */
function dropCharacter(line: number[]): void {
  while (((line.pop() ?? 0) & 0xc0) === 0x80);
}

/** Reads the rest of an escape sequence, such as that of an arrow key. */
async function skipSequence(bytes: AsyncGenerator<number, undefined>): Promise<void> {
  const { value: first } = await bytes.next()
  if (first !== 0x5b && first !== 0x4f) return
  for (;;) {
    const { value: byte } = await bytes.next()
    if (byte === undefined || (byte >= 0x40 && byte <= 0x7e)) return
  }
}
