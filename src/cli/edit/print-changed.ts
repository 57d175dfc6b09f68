import type { Preview } from '../../../events/changes.ts'
import { type Difference, differences } from '../../../events/differences.ts'
import type { Settings } from '../../../events/map.ts'
import { isSettingsError, SettingsError } from '../../../model/errors.ts'
import { equalJson } from '../../../model/value.ts'
import { applyModeAt } from '../../schema/apply-modes.ts'
import type { Service } from '../service/service.ts'
import { pathOf, printKey } from '../terminal/key-path.ts'
import { createPaper, type Paper } from '../terminal/paper.ts'
import { printAnswer, show } from '../terminal/print-answer.ts'
import { type Cell, printTable } from '../terminal/table.ts'
import type { World } from '../terminal/world.ts'
import type { Changed } from './overrides-edit.ts'

/**
 * Prints what a change did, or with a dry run would do.
 * @throws SettingsError CHANGE_VETOED when a dry run shows that a NApp would refuse it.
 */
export async function printChanged(
  service: Service,
  changed: Changed,
  { json, scope }: { readonly json: boolean; readonly scope: string },
  world: World,
): Promise<void> {
  const { before, after } = changed
  const { namespace, preview } = after
  const paper = createPaper(world.stdout, world.env)
  if (json) printAnswer(true, after, () => '', world)
  else if (preview) world.stdout.write(printPreview(namespace, preview, paper))
  else world.stdout.write(await describeChange(service, changed, scope, paper))
  for (const remark of remarks(before, after)) world.stderr.write(`kytos-settings: ${remark}\n`)
  const refused = preview?.consumers.find(({ verdict }) => verdict !== 'accepted')
  if (!refused) return
  const why = refused.verdict === 'late' ? 'it does not answer in time' : (refused.reason ?? 'it gives no reason')
  throw new SettingsError('CHANGE_VETOED', `${refused.napp} would refuse this: ${why}.`, { details: { napp: refused.napp } })
}

async function describeChange(service: Service, { before, after }: Changed, scope: string, paper: Paper): Promise<string> {
  const where = `${after.namespace}${scope === 'cluster' ? '' : ` (${scope})`}`
  if (equalJson(before.overrides, after.overrides)) return `${where} holds that already: nothing was stored.\n`
  const modes = await readModes(service, after.namespace)
  const changes = differences(before.data, after.data).map(one => ({ ...one, apply: applyModeAt(modes, one.path) }))
  const rows = printChanges(changes, paper)
  const stored = `${where} is at revision ${after.revision}, version ${after.version}.\n`
  return changes.length === 0 ? `${stored}Nothing is different in effect here.\n` : `${rows}\n${stored}`
}

/** What differs in effect, and how it takes effect. */
function printChanges(changes: readonly (Difference & { readonly apply: string })[], paper: Paper): string {
  const rows = changes.map(({ path, old, new: now, apply }): Cell[] => [
    printKey(pathOf(path)),
    { text: show(old), style: 'red' },
    { text: show(now), style: 'green' },
    apply,
  ])
  return printTable(['Key', { head: 'Old', cut: true }, { head: 'New', cut: true }, 'Applies'], rows, paper)
}

function printPreview(namespace: string, { changes, consumers, rejected }: Preview, paper: Paper): string {
  const parts: string[] = []
  parts.push(changes.length === 0 ? `Nothing would be different in effect for ${namespace} here.\n` : printChanges(changes, paper))
  if (consumers.length > 0) {
    const rows = consumers.map(({ napp, controller, apply, verdict, reason }): Cell[] => [
      napp,
      controller,
      apply,
      verdict === 'accepted' ? { text: verdict, style: 'green' } : { text: verdict, style: 'red' },
      reason ?? '',
    ])
    parts.push(printTable(['NApp', 'Controller', 'Applies', 'Says', { head: 'Reason', cut: true }], rows, paper))
  }
  const lost = rejected.map(
    ({ scope, errors }) => `The overrides of ${scope} would not count any more: ${errors.map(({ message }) => message).join(' ')}\n`,
  )
  if (lost.length > 0) parts.push(lost.join(''))
  return [...parts, 'This was a dry run: nothing was written.\n'].join('\n')
}

function remarks(before: Settings, { namespace, shadowed = [], deprecated = [], observed, state }: Settings): readonly string[] {
  const names = (pointers: readonly string[]): string => pointers.map(pointer => printKey(pathOf(pointer))).join(', ')
  return [
    ...(shadowed.length > 0 ? [`a higher layer hides ${names(shadowed)} here; "kytos-settings explain ${namespace}" shows which.`] : []),
    ...(deprecated.length > 0 ? [`${names(deprecated)}: deprecated, says the schema.`] : []),
    ...(observed === false ? ['it is stored, but not yet seen by the service, whose watch is behind.'] : []),
    ...(state !== before.state && state !== 'READY' ? [`the service has lost its store (${state}).`] : []),
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
