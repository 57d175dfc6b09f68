import type { CliContext } from './cli-context.ts'

/** Asks a question on a terminal; true for "y" or "yes". False without a terminal, where no user can answer. */
export async function askYes(question: string, { stdin, stderr }: CliContext): Promise<boolean> {
  if (!stdin.isTTY) return false
  stderr.write(`${question} [y/N] `)
  let answer = ''
  for await (const chunk of stdin) {
    answer += Buffer.from(chunk).toString('utf8')
    if (/[\r\n]/.test(answer)) break
  }
  return /^y(?:es)?$/i.test(answer.trim())
}
