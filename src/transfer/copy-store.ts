import type { Backend } from '../../backends/backend.ts'
import { isSettingsError, SettingsError } from '../../model/errors.ts'
import { loadBackend } from '../boot/backend-registry.ts'
import type { Config } from '../boot/config.ts'
import { chooseBackend, nameStore, storeExists } from '../boot/store-choice.ts'
import { countKinds } from './difference.ts'
import { type FillOptions, type FillReport, fillStore, planFilling } from './fill-store.ts'
import { isMoved } from './moved.ts'
import { type StoreSnapshot, takeSnapshot } from './store-snapshot.ts'
import { type Warn, withStore } from './stores.ts'

/** What a copy came to. */
export interface CopyReport extends FillReport {
  readonly from: string
  readonly to: string
  /** The source at the moment it was read. */
  readonly picture: StoreSnapshot
  readonly kinds: Readonly<Record<string, number>>
  /** True when the source has changed since, as only one that controllers share can. */
  readonly outdated: boolean
}

/**
 * Copies what one store holds, at one revision, into another. @throws SettingsError CONFIG_INVALID when both
 * are the same or the source is empty, and what {@link fillStore} throws.
 */
export async function copyStore(
  source: Config,
  target: Config,
  options: FillOptions,
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
      const picture = await takeSnapshot(backend, from)
      refuseEmpty(picture, source)
      const report = await fillFrom(picture, target, options, warn)
      const outdated = await hasChanged(backend, picture)
      return {
        ...report,
        from,
        to,
        picture,
        kinds: countKinds(picture.entries.map(({ key }) => key)),
        outdated,
      }
    },
    true,
  )
}

/**
 * Fills the store of a configuration; in a dry run, a folder that is not there yet is not made either.
 * @throws as {@link fillStore}.
 */
export async function fillFrom(
  picture: StoreSnapshot,
  target: Config,
  options: FillOptions,
  warn: Warn,
): Promise<FillReport> {
  const choice = await chooseBackend(target, () => {})
  if (options.dryRun && !storeExists(choice)) {
    const { supports } = (await loadBackend(choice))(() => {})
    return planFilling(supports.entryBytes, [], picture, options).report
  }
  return withStore(target, warn, ({ backend }) => fillStore(backend, picture, options))
}

/**
 * A store that holds nothing was most likely not the one that was meant.
 * @throws SettingsError CONFIG_INVALID.
 */
export function refuseEmpty({ entries, store }: StoreSnapshot, { file }: Config): void {
  if (entries.length > 0) return
  throw new SettingsError('CONFIG_INVALID', `The store ${store} is empty. Check [settings] in ${file}.`)
}

/**
 * True when something that moves has changed in a store since the picture was taken, or when that cannot be
 * told any more.
 */
export async function hasChanged(backend: Backend, { revision }: StoreSnapshot): Promise<boolean> {
  const end = new AbortController()
  try {
    for await (const { changes } of backend.watch(revision, end.signal)) {
      if (changes.length === 0) return false
      if (changes.some(change => isMoved(change.type === 'put' ? change.entry.key : change.key))) return true
    }
    return false
  } catch (error) {
    // Compacted: it went on so far that nobody can tell.
    if (isSettingsError(error, 'HISTORY_LOST')) return true
    throw error
  } finally {
    end.abort()
  }
}
