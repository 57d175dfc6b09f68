import { type ErrorCode, isSettingsError, type SettingsError, toSettingsError } from '../../model/errors.ts'
import type { Ask } from './ask.ts'
import { readWithSecrets } from './known-secrets.ts'
import type { NamespaceState } from './namespace-state.ts'
import type { ReportItem } from './report.ts'
import { planSettings, type Refusals, type SettingsPlan, skip } from './settings-plan.ts'
import type { ReadProblem } from './settings-py.ts'
import type { SettingsSource } from './source.ts'

/** Attempts to store the settings of a namespace that other clients change meanwhile. */
const MAX_ATTEMPTS = 5
/** Errors that are not about the settings: the import ends with them. */
const FATAL: ReadonlySet<ErrorCode> = new Set([
  'OUTCOME_UNKNOWN',
  'TIMEOUT',
  'INTERNAL_ERROR',
  'TOKEN_REQUIRED',
  'TOKEN_INVALID',
  'PERMISSION_DENIED',
])
/** In characters; no command accepts a longer one. */
const MAX_COMMENT_LENGTH = 512

export interface ImportOptions {
  /** Stored overrides, and boxes with other data, are replaced. */
  readonly overwrite: boolean
  readonly dryRun: boolean
  /** In a dry run, the namespaces as the files before this one would leave them. */
  readonly rehearsed?: Map<string, NamespaceState>
}

/**
 * Imports the settings of one file into their namespace: its schema where there is none, then its values in one
 * transaction, guarded by the revision that it was decided on. A setting that the service refuses does not keep the
 * others out. Returns what it did, or with a dry run would do; both decide alike.
 * @throws SettingsError when the service cannot be asked.
 */
export async function importSettingsSource(
  ask: Ask,
  source: SettingsSource,
  options: ImportOptions,
): Promise<readonly ReportItem[]> {
  const problems = source.problems.map(problem => problemItem(source, problem))
  if (source.settings.length === 0) return problems
  const { namespace } = source
  const { overwrite, rehearsed } = options
  const state = rehearsed?.get(namespace) ?? (await readWithSecrets(ask, source))
  const plan = planSettings(state, source, overwrite)
  try {
    let items: readonly ReportItem[]
    if (options.dryRun) {
      const refusals = await findRefusals(ask, source, knownToService(plan))
      items = refuse(plan.items, refusals)
      rehearsed?.set(namespace, planSettings(state, source, overwrite, refusals).after)
    } else items = await carryOut(ask, source, plan, overwrite)
    return [...items, ...problems].sort((a, b) => (a.line ?? 0) - (b.line ?? 0))
  } catch (cause) {
    const error = toSettingsError(cause)
    if (isFatal(error)) throw error
    // An error about one namespace does not keep the other namespaces out.
    const refusals = new Map(source.settings.map(({ name }) => [name, error.message]))
    return [...problems, ...refuse(plan.items, refusals)]
  }
}

function problemItem({ file, namespace }: SettingsSource, { line, name, message }: ReadProblem): ReportItem {
  return {
    file,
    namespace,
    reason: message,
    action: 'skipped',
    kind: name === undefined ? 'file' : 'setting',
    ...(line !== undefined && { line }),
    ...(name !== undefined && { name }),
  }
}

/** Registers and stores what is planned. Returns the report of it. */
async function carryOut(
  ask: Ask,
  source: SettingsSource,
  first: SettingsPlan,
  overwrite: boolean,
): Promise<readonly ReportItem[]> {
  const { namespace } = source
  let [plan, refusals]: [SettingsPlan, Refusals] = [first, new Map()]
  if (first.register) {
    await ask('kytos.settings.register', { namespace, schema: first.register })
    plan = planSettings(await readWithSecrets(ask, source), source, overwrite)
  }
  for (let attempt = 1; plan.patch.length > 0; attempt++) {
    try {
      await store(ask, source, plan)
      break
    } catch (error) {
      const { message } = toSettingsError(error)
      if (isFatal(toSettingsError(error))) throw error
      const isRaced = isSettingsError(error, 'REVISION_MISMATCH')
      if (isRaced && attempt === MAX_ATTEMPTS) throw error
      if (!isRaced) {
        const found =
          attempt < MAX_ATTEMPTS ? await findRefusals(ask, source, plan) : new Map<string, string>()
        // Refused together, and not one by one.
        const all = found.size > 0 ? found : new Map(plan.names.map(name => [name, message]))
        refusals = new Map([...refusals, ...all])
      }
      plan = planSettings(await readWithSecrets(ask, source), source, overwrite, refusals)
    }
  }
  if (plan.registerAfter) await ask('kytos.settings.register', { namespace, schema: plan.registerAfter })
  // What was new when it was first looked at is reported as new; what was left out since, as left out.
  const skipped = new Map(
    plan.items.filter(({ action }) => action === 'skipped').map(item => [item.name, item]),
  )
  return first.items.map(item => skipped.get(item.name) ?? item)
}

/** The part of a plan that a service can judge with the schema that it has now. */
function knownToService(plan: SettingsPlan): SettingsPlan {
  return part(plan, i => plan.known.has(plan.names[i] ?? ''))
}

/** Some operations of a plan. */
function part(plan: SettingsPlan, wanted: (index: number) => boolean): SettingsPlan {
  return {
    ...plan,
    patch: plan.patch.filter((_, i) => wanted(i)),
    names: plan.names.filter((_, i) => wanted(i)),
  }
}

/** Finds by halves which settings the hooks and rules of the service refuse; nothing is written. */
async function findRefusals(ask: Ask, source: SettingsSource, plan: SettingsPlan): Promise<Refusals> {
  if (plan.patch.length === 0) return new Map()
  const reason = await refusalOf(ask, source, plan)
  if (reason === undefined) return new Map()
  const [name] = plan.names
  if (plan.names.length === 1 && name !== undefined) return new Map([[name, reason]])
  const middle = plan.names.length >> 1
  const lower = await findRefusals(
    ask,
    source,
    part(plan, i => i < middle),
  )
  const upper = await findRefusals(
    ask,
    source,
    part(plan, i => i >= middle),
  )
  const found = new Map([...lower, ...upper])
  // Refused together, and not one by one.
  return found.size > 0 ? found : new Map(plan.names.map(one => [one, reason]))
}

/** Why the service refuses these settings together; undefined when it accepts them. */
async function refusalOf(ask: Ask, source: SettingsSource, plan: SettingsPlan): Promise<string | undefined> {
  try {
    const { settings } = await ask('kytos.settings.transaction', {
      operations: [operationOf(source, plan)],
      dry_run: true,
    })
    const refusals = settings
      .flatMap(({ preview }) => preview?.consumers ?? [])
      .filter(({ verdict }) => verdict !== 'accepted')
    if (refusals.length === 0) return undefined
    return refusals.map(({ napp, reason, verdict }) => `${napp}: ${reason ?? verdict}`).join('; ')
  } catch (cause) {
    const error = toSettingsError(cause)
    if (isFatal(error) || error.code === 'REVISION_MISMATCH') throw error
    // An import registers the schema first.
    if (plan.register && error.code === 'SCHEMA_REQUIRED') return undefined
    return error.message
  }
}

async function store(ask: Ask, source: SettingsSource, plan: SettingsPlan): Promise<void> {
  const comment = `import ${source.file}:${plan.lines.join(',')}`
  await ask('kytos.settings.transaction', {
    operations: [operationOf(source, plan)],
    comment: comment.slice(0, MAX_COMMENT_LENGTH),
  })
}

function operationOf({ namespace }: SettingsSource, { patch, revision }: SettingsPlan) {
  return { namespace, method: 'JSON_PATCH', data: patch, revision } as const
}

/** A report in which the refused settings are skipped. */
function refuse(items: readonly ReportItem[], refusals: Refusals): readonly ReportItem[] {
  return items.map(item => {
    const reason =
      item.action === 'same' || item.action === 'skipped' ? undefined : refusals.get(item.name ?? '')
    return reason === undefined ? item : skip(item, reason)
  })
}

function isFatal({ retryable, code }: SettingsError): boolean {
  return (retryable && code !== 'REVISION_MISMATCH') || FATAL.has(code)
}
