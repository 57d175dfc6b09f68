import type { Preview } from '../../../events/changes.ts'
import { type Difference, differences } from '../../../events/differences.ts'
import type { Settings } from '../../../events/nouns.ts'
import { isSettingsError, SettingsError } from '../../../model/errors.ts'
import { equalJson } from '../../../model/value.ts'
import { applyModeAt } from '../../schema/apply-modes.ts'
import type { Service } from '../service/service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { pathOf, printKey } from '../terminal/key-path.ts'
import { controllerOf, printAnswer, rejectedRemarks, scopeRemarks, show } from '../terminal/print-answer.ts'
import { printMessage } from '../terminal/print-error.ts'
import { type Cell, printTable } from '../terminal/table.ts'
import { createTerminal, type Terminal } from '../terminal/terminal.ts'
import type { Changed } from './overrides-edit.ts'

/**
 * Prints the effect of a change, or of a dry run.
 * @throws SettingsError CHANGE_VETOED when a dry run shows that a NApp would reject the change.
 */
export async function printChanged(
  service: Service,
  changed: Changed,
  { json, scope }: { readonly json: boolean; readonly scope: string },
  context: CliContext,
): Promise<void> {
  const { before, after } = changed
  const { namespace, preview } = after
  const terminal = createTerminal(context.stdout, context.env)
  if (json) printAnswer(true, after, () => '', context)
  else if (preview) context.stdout.write(printPreview({ namespace, scope }, preview, terminal))
  else context.stdout.write(await describeChange(service, changed, scope, terminal))
  for (const remark of [...scopeRemarks(after, scope), ...remarks(before, after), ...rejectedRemarks(after)])
    printMessage(context.stderr, remark)
  const rejection = preview?.consumers.find(({ verdict }) => verdict !== 'accepted')
  if (!rejection) return
  const why =
    rejection.verdict === 'late'
      ? 'no answer within the deadline'
      : (rejection.reason ?? 'no reason was returned')
  throw new SettingsError('CHANGE_VETOED', `${rejection.napp} would reject this change: ${why}.`, {
    details: { napp: rejection.napp },
  })
}

/**
 * Prints the effects of a transaction, or of its dry run: one after the other, or as one JSON document.
 * @throws SettingsError CHANGE_VETOED as {@link printChanged}, after all are printed.
 */
export async function printAll(
  service: Service,
  changed: readonly Changed[],
  { json, scope }: { readonly json: boolean; readonly scope: string },
  context: CliContext,
): Promise<void> {
  if (json) printAnswer(true, { settings: changed.map(({ after }) => after) }, () => '', context)
  let veto: unknown
  for (const [i, one] of changed.entries()) {
    if (i > 0 && !json) context.stdout.write('\n')
    await printChanged(service, one, { json: false, scope }, json ? withoutOutput(context) : context).catch(
      error => {
        veto ??= error
      },
    )
  }
  if (veto !== undefined) throw veto
}

/** The context without standard output, for the remarks of a change that is printed as JSON. */
function withoutOutput(context: CliContext): CliContext {
  return { ...context, stdout: { write: () => true } }
}

/** The note that a change is stored, but that the watch of the service has not delivered it yet. */
export function unobserved(change: 'change' | 'deletion', namespace: string): string {
  return `The ${change} is stored but the service has not observed it yet. "kytos-settings get ${namespace}" shows the current values.`
}

async function describeChange(
  service: Service,
  { before, after }: Changed,
  scope: string,
  terminal: Terminal,
): Promise<string> {
  const where = `${after.namespace}${scope === 'cluster' ? '' : ` (${scope})`}`
  if (equalJson(before.overrides, after.overrides))
    return `${where} already has these overrides: nothing was stored.\n`
  const modes = await readModes(service, after.namespace)
  const changes = differences(before.data, after.data).map(one => ({
    ...one,
    apply: applyModeAt(modes, one.path),
  }))
  const rows = printChanges(changes, terminal)
  const stored = `${where} is at revision ${after.revision}, version ${after.version}.\n`
  return changes.length === 0
    ? `${stored}The effective settings on ${controllerOf(scope)} are unchanged.\n`
    : `${rows}\n${stored}`
}

/** The differences of the effective settings, and how each takes effect. */
function printChanges(
  changes: readonly (Difference & { readonly apply: string })[],
  terminal: Terminal,
): string {
  const rows = changes.map(({ path, old, new: now, apply }): Cell[] => [
    printKey(pathOf(path)),
    { text: show(old), style: 'red' },
    { text: show(now), style: 'green' },
    apply,
  ])
  return printTable(
    ['Key', { head: 'Old', cut: true }, { head: 'New', cut: true }, 'Applies'],
    rows,
    terminal,
  )
}

function printPreview(
  { namespace, scope }: { readonly namespace: string; readonly scope: string },
  { changes, consumers, rejected }: Preview,
  terminal: Terminal,
): string {
  const parts: string[] = []
  parts.push(
    changes.length === 0
      ? `The effective settings of ${namespace} on ${controllerOf(scope)} would not change.\n`
      : printChanges(changes, terminal),
  )
  if (consumers.length > 0) {
    const rows = consumers.map(({ napp, controller, apply, verdict, reason }): Cell[] => [
      napp,
      controller,
      apply,
      verdict === 'accepted' ? { text: verdict, style: 'green' } : { text: verdict, style: 'red' },
      reason ?? '',
    ])
    parts.push(
      printTable(['NApp', 'Controller', 'Applies', 'Verdict', { head: 'Reason', cut: true }], rows, terminal),
    )
  }
  const invalidated = rejected.map(
    ({ scope, message }) => `A value in the scope ${scope} would become rejected: ${message}\n`,
  )
  if (invalidated.length > 0) parts.push(invalidated.join(''))
  return [...parts, 'Dry run: nothing was written.\n'].join('\n')
}

function remarks(
  before: Settings,
  { namespace, shadowed = [], deprecated = [], observed, state }: Settings,
): readonly string[] {
  const names = (pointers: readonly string[]): string =>
    pointers.map(pointer => printKey(pathOf(pointer))).join(', ')
  return [
    ...(shadowed.length > 0
      ? [
          `A higher layer hides ${names(shadowed)} on this controller. "kytos-settings explain ${namespace}" shows the layer.`,
        ]
      : []),
    ...(deprecated.length > 0 ? [`The schema marks ${names(deprecated)} as deprecated.`] : []),
    ...(observed === false ? [unobserved('change', namespace)] : []),
    ...(state !== before.state && state !== 'READY'
      ? [`The service lost the connection to its store (${state}). "kytos-settings status" shows the reason.`]
      : []),
  ]
}

async function readModes(service: Service, namespace: string) {
  try {
    return (await service.ask('kytos.settings.describe', { namespace })).apply
  } catch (error) {
    if (isSettingsError(error, 'NAMESPACE_NOT_FOUND')) return {}
    throw error
  }
}
