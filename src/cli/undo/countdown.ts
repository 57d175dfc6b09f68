import type { Settings } from '../../../events/nouns.ts'
import { SettingsError } from '../../../model/errors.ts'
import { ownSequence } from '../../log/console-log.ts'
import type { Service } from '../service/service.ts'
import { type CliContext, HANG_UP } from '../terminal/cli-context.ts'
import { printMessage } from '../terminal/print-error.ts'
import { printEnd } from './print-end.ts'

/** The reason why a wait on a terminal ended. */
type Reason = 'enter' | 'interrupted' | 'closed' | 'over'

const TICK_MS = 1_000
/** Returns to the start of the line and clears it. */
const CLEAR_LINE = '\r\x1b[K'

/**
 * Ends a change that waits for its confirmation, as a user decides on a terminal: Enter confirms it, Ctrl-C
 * cancels it. Without a terminal, or with `--json`, it returns at once and names the commands. Does nothing
 * for a change that does not wait.
 * @throws SettingsError NOT_PENDING when the time has passed, and the errors of the service.
 */
export async function awaitConfirmation(
  service: Service,
  { namespace, pending }: Settings,
  { json, scope }: { readonly json: boolean; readonly scope: string },
  context: CliContext,
): Promise<void> {
  if (!pending) return
  const { stdin, stdout, stderr } = context
  const seconds = pending.confirm_within
  const options = scope === 'cluster' ? '' : ` --scope ${scope}`
  const commands = `"kytos-settings confirm ${namespace}${options}" keeps it, "kytos-settings cancel ${namespace}${options}" rolls it back now`
  if (json || !stdin.isTTY || stderr.isTTY !== true) {
    printMessage(stderr, `The change is rolled back in ${seconds} s unless it is confirmed: ${commands}.`)
    return
  }
  printMessage(
    stderr,
    `Enter confirms the change, Ctrl-C cancels it. If this terminal dies, it is rolled back: ${commands}.`,
  )
  const reason = await waitFor(seconds, context)
  if (reason === 'closed') return
  if (reason === 'over') {
    const message = `The change of ${namespace} was not confirmed within ${seconds} s and is rolled back.`
    throw new SettingsError('NOT_PENDING', message, { details: { namespace, scope } })
  }
  const command = reason === 'enter' ? 'kytos.settings.confirm' : 'kytos.settings.cancel'
  stdout.write(printEnd(await service.ask(command, { namespace, scope })))
}

/** Counts down until the user decides or the time is over; only the store decides whether it is. */
async function waitFor(seconds: number, context: CliContext): Promise<Reason> {
  const { stdin, stderr } = context
  const begun = performance.now()
  const left = (): number => Math.max(0, Math.ceil(seconds - (performance.now() - begun) / 1_000))
  const show = (): void => {
    stderr.write(`${ownSequence(stderr, CLEAR_LINE)}Rolled back in ${left()} s. Confirm? `)
  }
  const interruption = context.interruption()
  const ends: Promise<Reason>[] = []
  let timer: NodeJS.Timeout | undefined
  ends.push(
    new Promise(resolve => {
      const end = (): void => resolve(interruption.reason?.name === HANG_UP ? 'closed' : 'interrupted')
      if (interruption.aborted) end()
      interruption.addEventListener('abort', end, { once: true })
    }),
    new Promise(resolve => {
      timer = setInterval(() => {
        show()
        if (left() === 0) resolve('over')
      }, TICK_MS)
    }),
    readEnter(stdin),
  )
  show()
  const reason = await Promise.race(ends)
  clearInterval(timer)
  stderr.write('\n')
  return reason
}

/** Resolves at the end of a line, or of the input. */
async function readEnter(stdin: CliContext['stdin']): Promise<Reason> {
  for await (const chunk of stdin) if (/[\r\n]/.test(Buffer.from(chunk).toString('latin1'))) return 'enter'
  return 'closed'
}
