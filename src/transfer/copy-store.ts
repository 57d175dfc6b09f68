import type { Backend } from '../../backends/backend.ts'
import { isSettingsError, SettingsError } from '../../model/errors.ts'
import { loadBackend } from '../boot/backend-registry.ts'
import type { Config } from '../boot/config.ts'
import { chooseBackend, nameStore, storeExists } from '../boot/store-choice.ts'
import { countKinds } from './difference.ts'
import { type LoadOptions, type LoadReport, loadStore, planLoad } from './load-store.ts'
import { type StoreSnapshot, takeSnapshot } from './store-snapshot.ts'
import { type Warn, withStore } from './stores.ts'
import { isTransferred } from './transferred-content.ts'

/** The result of a copy. */
export interface CopyReport extends LoadReport {
  readonly from: string
  readonly to: string
  /** The source at the moment it was read. */
  readonly snapshot: StoreSnapshot
  readonly kinds: Readonly<Record<string, number>>
  /** True when the source has changed since, which only a store that controllers share can do. */
  readonly outdated: boolean
}

/**
 * Copies the content of one store, at one revision, into another.
 * @throws SettingsError CONFIG_INVALID when both are the same or the source is empty, and as
 * {@link loadStore}.
 */
export async function copyStore(
  source: Config,
  target: Config,
  options: LoadOptions,
  warn: Warn,
): Promise<CopyReport> {
  const from = nameStore(await chooseBackend(source, () => {}))
  const to = nameStore(await chooseBackend(target, () => {}))
  if (from === to)
    throw new SettingsError(
      'CONFIG_INVALID',
      `${source.file} and ${target.file} configure the same store, ${from}. Use two different stores.`,
    )
  return withStore(
    source,
    warn,
    async ({ backend }) => {
      const snapshot = await takeSnapshot(backend, from)
      refuseEmpty(snapshot, source)
      const report = await loadFrom(snapshot, target, options, warn)
      const outdated = await hasChanged(backend, snapshot)
      return {
        ...report,
        from,
        to,
        snapshot,
        kinds: countKinds(snapshot.entries.map(({ key }) => key)),
        outdated,
      }
    },
    true,
  )
}

/**
 * Loads a snapshot into the store of a configuration; a dry run does not create a folder that is absent.
 * @throws as {@link loadStore}.
 */
export async function loadFrom(
  snapshot: StoreSnapshot,
  target: Config,
  options: LoadOptions,
  warn: Warn,
): Promise<LoadReport> {
  const choice = await chooseBackend(target, () => {})
  if (options.dryRun && !storeExists(choice)) {
    const { supports } = (await loadBackend(choice))(() => {})
    return planLoad(supports.entryBytes, [], snapshot, options).report
  }
  return withStore(target, warn, ({ backend }) => loadStore(backend, snapshot, options))
}

/** @throws SettingsError CONFIG_INVALID for an empty store, which most likely is the wrong one. */
export function refuseEmpty({ entries, store }: StoreSnapshot, { file }: Config): void {
  if (entries.length > 0) return
  throw new SettingsError('CONFIG_INVALID', `The store ${store} is empty. Check [settings] in ${file}.`)
}

/**
 * True when content that is transferred has changed in a store since the snapshot was taken, or when that can
 * no longer be known.
 */
export async function hasChanged(backend: Backend, { revision }: StoreSnapshot): Promise<boolean> {
  const end = new AbortController()
  try {
    for await (const { changes } of backend.watch(revision, end.signal)) {
      if (changes.length === 0) return false
      if (changes.some(change => isTransferred(change.type === 'put' ? change.entry.key : change.key)))
        return true
    }
    return false
  } catch (error) {
    // The store was compacted beyond the snapshot.
    if (isSettingsError(error, 'HISTORY_LOST')) return true
    throw error
  } finally {
    end.abort()
  }
}
