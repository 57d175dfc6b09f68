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
