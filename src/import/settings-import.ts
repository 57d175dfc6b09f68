import { type ErrorCode, isSettingsError, SettingsError, toSettingsError } from '../../model/errors.ts'
import type { Ask } from './ask.ts'
import type { ReportItem } from './report.ts'
import { planSettings, type SettingsPlan } from './settings-plan.ts'
import type { SettingsSource } from './source.ts'

/** How often a namespace that others change meanwhile is looked at anew. */
const MOST_TRIES = 5
/** What is no answer about these settings: there is no going on. */
const FATAL: ReadonlySet<ErrorCode> = new Set([
  'OUTCOME_UNKNOWN',
  'TIMEOUT',
  'INTERNAL_ERROR',
  'TOKEN_REQUIRED',
  'TOKEN_INVALID',
  'PERMISSION_DENIED',
])
/** The longest comment that a command takes. */
const COMMENT_LENGTH = 512

export interface ImportOptions {
  /** Stored overrides, and boxes with other data, are replaced. */
  readonly overwrite: boolean
  readonly dryRun: boolean
}

/**
 * Brings the settings of one file into their namespace: its schema where there is none, then its values in
 * one transaction, guarded by the revision that it was decided on. Answers what it did, or with a dry run
 * would do. @throws SettingsError when the service cannot be asked.
 */
export async function importSettingsSource(
  ask: Ask,
  source: SettingsSource,
  options: ImportOptions,
): Promise<readonly ReportItem[]> {
  const problems = source.problems.map(({ line, name, message }): ReportItem => {
    const about = {
      file: source.file,
      namespace: source.namespace,
      reason: message,
      action: 'skipped',
    } as const
    return {
      ...about,
      kind: name === undefined ? 'file' : 'setting',
      ...(line !== undefined && { line }),
      ...(name !== undefined && { name }),
    }
  })
  if (source.settings.length === 0) return problems
  let plan = await planSettings(ask, source, options.overwrite)
  const { items } = plan
  try {
    if (options.dryRun) await rehearse(ask, source, plan)
    else {
      if (plan.register) {
        await ask('kytos.settings.register', { namespace: source.namespace, schema: plan.register })
        plan = await planSettings(ask, source, options.overwrite)
      }
      for (let attempt = 1; plan.patch.length > 0; attempt++) {
        if (await store(ask, source, plan, attempt === MOST_TRIES)) break
        plan = await planSettings(ask, source, options.overwrite)
      }
    }
  } catch (cause) {
    const error = toSettingsError(cause)
    if (error.retryable || FATAL.has(error.code)) throw error
    // What the service refuses of one namespace keeps nobody from bringing in the others.
    return [...problems, ...items.map(item => refused(item, error.message))]
  }
  return [...items, ...problems].sort((a, b) => (a.line ?? 0) - (b.line ?? 0))
}

/**
 * Hooks and rules of the service see it, and nothing is written. A schema that is not there yet cannot be
 * rehearsed with.
 */
async function rehearse(ask: Ask, source: SettingsSource, plan: SettingsPlan): Promise<void> {
  if (plan.patch.length === 0 || plan.register) return
  const { settings } = await ask('kytos.settings.transaction', {
    operations: [operationOf(source, plan)],
    dry_run: true,
  })
  const refusals = settings
    .flatMap(({ preview }) => preview?.consumers ?? [])
    .filter(({ verdict }) => verdict !== 'accepted')
  if (refusals.length === 0) return
  throw new SettingsError(
    'CHANGE_VETOED',
    refusals.map(({ napp, reason, verdict }) => `${napp}: ${reason ?? verdict}`).join('; '),
  )
}

/** False when somebody else was faster. */
async function store(ask: Ask, source: SettingsSource, plan: SettingsPlan, last: boolean): Promise<boolean> {
  const comment = `import ${source.file}:${plan.lines.join(',')}`
  try {
    await ask('kytos.settings.transaction', {
      operations: [operationOf(source, plan)],
      comment: comment.slice(0, COMMENT_LENGTH),
    })
    return true
  } catch (error) {
    if (!last && isSettingsError(error, 'REVISION_MISMATCH')) return false
    throw error
  }
}

function operationOf({ namespace }: SettingsSource, { patch, revision }: SettingsPlan) {
  return { namespace, method: 'JSON_PATCH', data: patch, revision: revision ?? '0' } as const
}

function refused(item: ReportItem, reason: string): ReportItem {
  if (item.action === 'same' || item.action === 'skipped') return item
  const { layer: _, ...rest } = item
  return { ...rest, action: 'skipped', reason }
}
