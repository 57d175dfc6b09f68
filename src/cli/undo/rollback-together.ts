import type { Changed } from '../edit/overrides-edit.ts'
import { printChanged } from '../edit/print-changed.ts'
import type { Service } from '../service/service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { printAnswer } from '../terminal/print-answer.ts'
import { awaitConfirmation } from './countdown.ts'

/**
 * Prints the effects of a change of several documents, or of its dry run, each in its own scope.
 * Then waits for the confirmation of a change that needs one.
 * @throws SettingsError CHANGE_VETOED of a dry run, after all are printed.
 */
export async function printTogether(
  service: Service,
  changed: readonly (Changed & { readonly scope: string })[],
  json: boolean,
  context: CliContext,
): Promise<void> {
  if (json) printAnswer(true, { settings: changed.map(({ after }) => after) }, () => '', context)
  // The remarks of each document are printed with JSON, too.
  const output = json ? { ...context, stdout: { write: () => true } } : context
  let veto: unknown
  for (const [i, { scope, ...one }] of changed.entries()) {
    if (i > 0) output.stdout.write('\n')
    await printChanged(service, one, { json: false, scope }, output).catch(error => {
      veto ??= error
    })
  }
  if (veto !== undefined) throw veto
  const waiting = changed.find(({ after }) => after.pending)
  if (waiting) await awaitConfirmation(service, waiting.after, { json, scope: waiting.scope }, context)
}
