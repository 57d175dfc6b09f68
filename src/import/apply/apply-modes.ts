import type { ApplyMode } from '../../../events/changes.ts'
import { capturingFunctions, type PythonFunction } from './python-function.ts'
import type { PythonFile, SettingUse } from './setting-use.ts'
import { findSettingUses } from './setting-uses.ts'

/*
 * How a change of each setting of a Python NApp takes effect, from its code. Invariant: no mode promises more than
 * the use that needs most. Python decides at run time what the code does; where the code does not show it, the
 * mode is `restart`.
 */

/**
 * The way in which a NApp uses a setting, that of the use that decides:
 * - `attribute`: `settings.X` where it is used; `importers`: a global that `from ... import X` made;
 * - `loop`: the interval of `execute_as_loop`; `derived`: another setting is made of it;
 * - `captured`: kept while the NApp starts; `stored`: kept in an attribute or container later;
 * - `module`, `class`, `default`, `decorator`: evaluated while the file is imported;
 * - `other`: captured by another NApp; `assigned`: the NApp changes it; `dynamic`: the code does not show the use;
 * - `unread`: a file of the NApp could not be read; `unused`: no use was found.
 */
export type SettingWay =
  | 'attribute'
  | 'importers'
  | 'loop'
  | 'derived'
  | 'captured'
  | 'stored'
  | 'module'
  | 'class'
  | 'default'
  | 'decorator'
  | 'other'
  | 'assigned'
  | 'dynamic'
  | 'unread'
  | 'unused'

/** A setting, how a change takes effect, and the place that decides. */
export interface SettingMode {
  readonly namespace: string
  readonly name: string
  readonly apply: ApplyMode
  readonly way: SettingWay
  /** `main.py:39`; with the NApp in front when it is another one's. Absent without a use. */
  readonly decides?: string
}

/** A Python NApp as far as its settings go. */
export interface NAppCode {
  readonly namespace: string
  /** Its files, without settings.py and tests. */
  readonly files: readonly PythonFile[]
  /** Its settings, with those that each is made of and the line of it in settings.py. */
  readonly settings: ReadonlyMap<string, { readonly uses: readonly string[]; readonly line: number }>
  /** Its files that could not be read: too large, or not Python. */
  readonly unread: readonly string[]
}

interface Verdict {
  readonly apply: ApplyMode
  readonly way: SettingWay
}

const RANKS: Readonly<Record<ApplyMode, number>> = { live: 0, reload: 1, restart: 2, never: 3 }
/** Kytos imports this file again at a reload; all other files keep what they have. */
const MAIN = 'main.py'
const LIVE = 'live'

/** The modes of all settings of these NApps, in the order of the NApps and of their files. */
export function findSettingModes(napps: readonly NAppCode[]): readonly SettingMode[] {
  const found = new Map<string, { readonly use: SettingUse; readonly verdict: Verdict }[]>()
  for (const { files } of napps) {
    const { uses, functions, isWhole } = findSettingUses(files)
    const capturing = capturingFunctions(functions)
    for (const use of uses) {
      const key = `${use.namespace} ${use.name}`
      const judged = found.get(key) ?? []
      judged.push({ use, verdict: isWhole ? judge(use, capturing) : { apply: 'restart', way: 'dynamic' } })
      found.set(key, judged)
    }
  }
  return napps.flatMap(({ namespace, settings, unread: [unread] }) => {
    const own = new Map<string, SettingMode>()
    for (const name of settings.keys()) {
      if (unread !== undefined) {
        own.set(name, { namespace, name, apply: 'restart', way: 'unread', decides: unread })
        continue
      }
      const uses = [...(found.get(`${namespace} ${name}`) ?? []), ...(found.get(`${namespace} *`) ?? [])]
      own.set(name, worstOf(namespace, name, uses))
    }
    return withDerived(own, settings)
  })
}

function worstOf(
  namespace: string,
  name: string,
  uses: readonly { readonly use: SettingUse; readonly verdict: Verdict }[],
): SettingMode {
  const [worst] = [...uses].sort(
    (a, b) =>
      RANKS[b.verdict.apply] - RANKS[a.verdict.apply] ||
      compare(a.use.file.path, b.use.file.path) ||
      a.use.line - b.use.line,
  )
  if (!worst) return { namespace, name, apply: 'restart', way: 'unused' }
  const { use, verdict } = worst
  const owner = use.file.namespace === namespace ? '' : `${use.file.namespace} `
  return { namespace, name, ...verdict, decides: `${owner}${use.file.path}:${use.line}` }
}

/** Adds what the settings need that others are made of. */
function withDerived(own: ReadonlyMap<string, SettingMode>, settings: NAppCode['settings']): SettingMode[] {
  const modes = new Map(own)
  // Each round carries modes one step on; a chain is no longer than the file.
  for (let round = 0, changed = true; changed && round < settings.size; round++) {
    changed = false
    for (const [name, { uses, line }] of settings)
      for (const base of uses) {
        const [of, made] = [modes.get(base), modes.get(name)]
        if (!of || !made || made.way === 'unused') continue
        // The file is evaluated again by a reload only.
        const apply = RANKS[made.apply] < RANKS.reload ? 'reload' : made.apply
        if (of.way !== 'unused' && RANKS[apply] <= RANKS[of.apply]) continue
        modes.set(base, { ...of, apply, way: 'derived', decides: `settings.py:${line}` })
        changed = true
      }
  }
  return [...modes.values()]
}

function judge(use: SettingUse, capturing: ReadonlySet<PythonFunction>): Verdict {
  const { file, atImport, within } = use
  const isForeign = file.namespace !== use.namespace
  if (use.isAssigned) return { apply: 'restart', way: 'assigned' }
  if (use.name === '*') return { apply: 'restart', way: 'dynamic' }
  const captured = (way: SettingWay, apply: ApplyMode): Verdict =>
    isForeign ? { apply: 'restart', way: 'other' } : { apply, way }
  if (use.isLoopInterval) return captured('loop', 'reload')
  if (atImport) return captured(atImport, file.path === MAIN ? 'reload' : 'restart')
  if (use.escape === 'global') return captured('stored', file.path === MAIN ? 'reload' : 'restart')
  if (use.escape === 'elsewhere') return captured('stored', 'restart')
  if (capturing.has(within) && !use.inLoop) return captured('captured', 'reload')
  if (use.escape === 'self') return captured('stored', 'reload')
  if (!use.importedAs) return { apply: LIVE, way: 'attribute' }
  // The bridge sets the globals of the same name in the modules of the NApp.
  if (use.importedAs === 'same') return captured('importers', LIVE)
  return captured('importers', file.path === MAIN ? 'reload' : 'restart')
}

function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
