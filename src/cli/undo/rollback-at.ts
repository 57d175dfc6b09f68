import { SettingsError } from '../../../model/errors.ts'
import type { Service } from '../service/service.ts'
import { askYes } from '../terminal/ask-yes.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { counted } from '../terminal/counted.ts'
import { printAnswer } from '../terminal/print-answer.ts'
import { printMessage } from '../terminal/print-error.ts'
import { createTerminal } from '../terminal/terminal.ts'
import { readChangedSince, sideNow, sideThen } from './diff-at.ts'
import type { TypedTime } from './parse-time.ts'
import { printPatch } from './print-patch.ts'
import { printTogether } from './rollback-together.ts'
import { type AsOfPlace, printPlace } from './standing.ts'

interface Options {
  readonly json: boolean
  readonly yes: boolean | undefined
  readonly common: { readonly comment?: string; readonly dry_run?: boolean; readonly confirm_within?: number }
}

/**
 * Returns documents to their state at a time, in one transaction: shows the changes, asks, and changes
 * exactly what was shown.
 * @throws SettingsError VERSION_PRUNED; CONTENT_MALFORMED when the change is not confirmed;
 * REVISION_MISMATCH when a document was changed after it was shown.
 */
export async function rollbackAt(
  service: Service,
  place: AsOfPlace,
  time: TypedTime,
  { json, yes = false, common }: Options,
  context: CliContext,
): Promise<void> {
  const changed = await readChangedSince(service, place, time)
  if (changed.length === 0) {
    printAnswer(json, { settings: [] }, () => '', context)
    printMessage(context.stderr, `${place.namespace ?? 'All overrides'}: as at ${time.shown}; nothing to do.`)
    return
  }
  const plan = json ? context.stderr : context.stdout
  const terminal = createTerminal(plan, context.env)
  for (const one of changed)
    plan.write(printPatch(printPlace(one.then), sideNow(one), sideThen(one), terminal))
  const what = `${counted(changed.length, 'document')} to the state of ${time.shown}`
  if (!common.dry_run && !yes && !(await askYes(`Roll back ${what}?`, context)))
    throw new SettingsError(
      'CONTENT_MALFORMED',
      `The rollback of ${what} was not confirmed. Nothing was changed; "--yes" confirms without a question.`,
    )
  const { settings } = await service.ask('kytos.settings.rollback_transaction', {
    documents: changed.map(({ then: { namespace, scope, version, newest } }) => ({
      ...{ namespace, scope, version },
      if_version: newest,
    })),
    comment: `to the state of ${time.at.toISOString()}`,
    ...common,
  })
  const results = settings.flatMap((after, i) => {
    const before = changed[i]?.now
    return before ? [{ before, after, scope: after.scope }] : []
  })
  if (!json) context.stdout.write('\n')
  await printTogether(service, results, json, context)
}
