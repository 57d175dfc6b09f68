import { SettingsError } from '../../../model/errors.ts'

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** The `errno` name of a failed system call; undefined for any other error. */
export function errno(error: unknown): string | undefined {
  // The cast: errors of node:fs have a `code`, which is checked below.
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
  return typeof code === 'string' ? code : undefined
}

/** The error STORE_UNWRITABLE of a store whose folder cannot be created, read or written. */
export function unwritable(path: string, cause: unknown): SettingsError {
  const why: Readonly<Record<string, string>> = {
    EACCES: 'this user lacks write permission',
    EPERM: 'this user lacks write permission',
    EROFS: 'the file system is read-only',
    ENOTDIR: 'a part of the path is a file, not a folder',
    EEXIST: 'it is a file, not a folder',
    ENOSPC: 'the file system is full',
  }
  const reason = why[errno(cause) ?? ''] ?? (cause instanceof Error ? cause.message : String(cause))
  return new SettingsError(
    'STORE_UNWRITABLE',
    `The store at ${path} cannot be opened: ${reason}. Set path in [settings.filesystem] to a folder that this user owns.`,
    {
      cause,
      details: { path },
    },
  )
}

/**
 * The error of a commit that was certainly not applied because the journal could not be written: STORE_FULL
 * or STORE_UNREACHABLE.
 */
export function notApplied(path: string, cause: unknown): SettingsError {
  if (FULL.has(errno(cause) ?? '')) {
    return new SettingsError(
      'STORE_FULL',
      `The file system of the journal at ${path} is full; nothing was changed. Free disk space, then retry.`,
      {
        cause,
      },
    )
  }
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new SettingsError(
    'STORE_UNREACHABLE',
    `The journal at ${path} cannot be written (${reason}); nothing was changed.`,
    { cause },
  )
}

/** The error OUTCOME_UNKNOWN of a commit whose record the next process may or may not find in the journal. */
export function unknownOutcome(path: string, cause: unknown): SettingsError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new SettingsError(
    'OUTCOME_UNKNOWN',
    `A write to the journal at ${path} failed midway (${reason}); the change may have been applied. Read the document before you retry.`,
    {
      cause,
    },
  )
}

/** The error STORE_DAMAGED of a journal that lost or changed durable records. */
export function damaged(file: string, what: string): SettingsError {
  return new SettingsError(
    'STORE_DAMAGED',
    `The journal is damaged: ${what} in ${file}. Nothing was changed. Restore the store's folder from a backup, or move its "journal" folder away and start: the readable files are then imported.`,
    { details: { file } },
  )
}
