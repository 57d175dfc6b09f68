import type { Backend, Expected } from '../../backends/backend.ts'
import type { Entry, Revision } from '../../model/document.ts'
import { isSettingsError, SettingsError } from '../../model/errors.ts'
import { printJson } from '../../model/json.ts'
import { makePrefix } from '../../model/key.ts'
import { STORE_KEY } from '../../model/overlap.ts'
import { isObject } from '../../model/value.ts'
import { parseObject } from '../state/record.ts'

/** The key of the document that identifies a store: `{format, epoch}`. */
export const META_KEY = STORE_KEY

/** The format of a store; a higher one was written by a newer release. */
export const FORMAT = 1
/** How long a read waits for the cache to reach the store. */
const CACHE_WAIT_MS = 5_000

/**
 * The epoch in `meta/store`; 0 when the store has none yet.
 * @throws SettingsError STORE_FORMAT for a store of a newer release or of another program, and for an
 * incomplete copy or restore.
 */
export function readEpoch(meta: Entry | undefined): number {
  if (!meta) return 0
  const { format, epoch, filling } = parseObject(meta.text) ?? {}
  if (isObject(filling)) {
    throw new SettingsError(
      'STORE_FORMAT',
      `The store is incomplete: a copy from ${filling.from} started at ${filling.at}. If it was interrupted, run the same "kytos-settings copy" or "restore" again to resume it.`,
      { details: { reason: 'filling' } },
    )
  }
  if (typeof format !== 'number' || typeof epoch !== 'number' || !Number.isSafeInteger(epoch) || epoch < 1) {
    throw new SettingsError(
      'STORE_FORMAT',
      `The document "meta/store" contains ${meta.text.slice(0, 80)}, which no release of this service wrote. Check path or prefix in kytos.ini.`,
    )
  }
  if (format > FORMAT) {
    throw new SettingsError(
      'STORE_FORMAT',
      `The store has format ${format}; this release reads formats up to ${FORMAT}. Update kytos-settings on this controller.`,
    )
  }
  return epoch
}

/**
 * The current epoch (0 while the store has none) and revision of a store, read at one moment.
 * @throws the errors of the backend and of {@link readEpoch}.
 */
export async function readStorePosition(
  backend: Pick<Backend, 'list'>,
): Promise<{ readonly epoch: number; readonly revision: Revision }> {
  const { revision, pages } = await backend.list(makePrefix('meta'))
  let meta: Entry | undefined
  for await (const page of pages) meta ??= page.find(({ key }) => key === META_KEY)
  return { epoch: readEpoch(meta), revision }
}

/**
 * Writes an epoch above the known ones into a new, wiped or rewound store. When several controllers do so,
 * one wins, and all read its epoch next.
 * @throws SettingsError STORE_UNREACHABLE, also when the answer was lost, so that the store is read again
 * before another claim.
 */
export async function claimEpoch(backend: Backend, meta: Entry | undefined, known: number): Promise<void> {
  const epoch = Math.max(Date.now(), known + 1)
  await write(backend, printJson({ format: FORMAT, epoch }), meta?.modRevision ?? 'absent')
}

/**
 * Advances the store by one revision without a change. It does nothing when another controller was first.
 * @throws SettingsError as {@link claimEpoch}.
 */
export async function touchStore(backend: Backend, meta: Entry): Promise<void> {
  await write(backend, meta.text, meta.modRevision)
}

/**
 * Invariant: a claim is sent at most once, so that a store never receives the same epoch before and after a
 * wipe. A claim that arrives late sets an epoch that was never used; a controller that knows a higher one
 * claims again.
 */
async function write(backend: Backend, put: string, expected: Expected): Promise<void> {
  try {
    await backend.commit([{ key: META_KEY, put, expected }])
  } catch (error) {
    if (!isSettingsError(error, 'OUTCOME_UNKNOWN')) throw error
    throw new SettingsError('STORE_UNREACHABLE', error.message, { cause: error, details: error.details })
  }
}

/** The part of the watcher that a wait for its cache requires. */
export interface WaitingWatcher {
  readonly cache: { readonly meta: Entry | undefined }
  readonly health: { readonly reason: string | null }
  until(condition: () => boolean, timeout: number): Promise<boolean>
}

/**
 * Waits until a condition on the cache holds.
 * @throws SettingsError STORE_STALE when it does not hold within 5 s.
 */
export async function waitForCache(watcher: WaitingWatcher, condition: () => boolean): Promise<void> {
  if (await watcher.until(condition, CACHE_WAIT_MS)) return
  const { reason } = watcher.health
  throw new SettingsError(
    'STORE_STALE',
    `The cache of this controller did not reach the revision of the store in ${CACHE_WAIT_MS / 1000} s${reason ? ` (${reason})` : ''}. Retry.`,
  )
}

/**
 * Waits until the cache has the document `meta/store`, and with it the epoch, as the store held it at the
 * time of the call, or as it became since.
 * @throws SettingsError STORE_STALE as {@link waitForCache}, STORE_UNREACHABLE.
 */
export async function freshenEpoch(backend: Backend, watcher: WaitingWatcher): Promise<void> {
  const { cache } = watcher
  const before = cache.meta
  const entry = await backend.get(META_KEY)
  const isThere = () => cache.meta?.modRevision === entry?.modRevision && cache.meta?.text === entry?.text
  await waitForCache(watcher, () => isThere() || cache.meta !== before)
}
