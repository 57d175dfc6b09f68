/**
 * A difference that must last before it counts. `since` is when it was first seen, in monotonic milliseconds.
 */
export interface ContentChange {
  readonly type: 'content'
  /** The hash of the content that is not the known one. */
  readonly hash: string
  readonly since: number
}

/** The absence of a file whose known version is a file; see {@link ContentChange}. */
export interface FileAbsence {
  readonly type: 'absence'
  readonly since: number
  /** True when the file was absent, at every look, in the folder that had it. */
  readonly isInPlace: boolean
}

/** Content that is not applied to the store, by its hash. */
export interface Rejection {
  readonly hash: string
  /**
   * The message of the report; undefined for an earlier text of this store, which is about to be replaced.
   */
  readonly reason: string | undefined
}

/**
 * How a readable file relates to its last known version, and what is to be decided about it. Each member has
 * exactly the fields that it can have:
 *  - `unseen`: which of its versions the file holds is not known, because it could not be looked at since the
 *    store was opened. `isMissing` as below.
 *  - `clean`: the file holds the known version.
 *  - `changed`: the file differs, and the difference has not lasted long enough. Content that was rejected
 *    before may come back.
 *  - `rejected`: the file holds content that is not applied.
 *  - `missing`: the file is absent, as far as is known no person removed it, and its document has not changed
 *    since: the document is kept. Content that comes back is first a `change`, and may be rejected.
 */
export type FileState =
  | { readonly state: 'unseen'; readonly isMissing: boolean }
  | { readonly state: 'clean' }
  | {
      readonly state: 'changed'
      readonly change: ContentChange | FileAbsence
      readonly rejected: Rejection | undefined
    }
  | { readonly state: 'rejected'; readonly rejected: Rejection }
  | {
      readonly state: 'missing'
      readonly change: ContentChange | undefined
      readonly rejected: Rejection | undefined
    }

export const CLEAN: FileState = { state: 'clean' }
export const MISSING: FileState = { state: 'missing', change: undefined, rejected: undefined }

/** The rejection that is still in force. */
export function rejectionOf(file: FileState): Rejection | undefined {
  return 'rejected' in file ? file.rejected : undefined
}

/** True while the absence of the file does not delete its document. */
export function isMissing(file: FileState): boolean {
  return file.state === 'missing' || (file.state === 'unseen' && file.isMissing)
}

/** The difference that was seen, without one that lasts already. */
export function changeOf(file: FileState): ContentChange | FileAbsence | undefined {
  return 'change' in file ? file.change : undefined
}

/** The state without a difference: the file holds the known version, rejected content, or is missing. */
export function withoutChange(file: FileState): FileState {
  if (file.state === 'missing') return { ...file, change: undefined }
  return file.state === 'changed' ? present(undefined, file.rejected) : file
}

/** The state of a file that is there, or whose absence is no longer kept. */
export function asPresent(file: FileState): FileState {
  if (file.state === 'unseen') return { state: 'unseen', isMissing: false }
  return file.state === 'missing' ? present(file.change, file.rejected) : file
}

/** The state after the known version became what the file holds; a rejection stays until it is lifted. */
export function asHeld(file: FileState): FileState {
  return withoutChange(asPresent(file))
}

/** The state of an absent file that no person removed as far as is known: its document is kept. */
export function asMissing(file: FileState): FileState {
  return file.state === 'unseen' ? { state: 'unseen', isMissing: true } : MISSING
}

/** The state of a file of which it is not known which version it holds. */
export function asUnseen(file: FileState): FileState {
  return { state: 'unseen', isMissing: isMissing(file) }
}

/** The state once it is known which version the file holds. */
export function asSeen(file: FileState): FileState {
  return file.state === 'unseen' ? (file.isMissing ? MISSING : CLEAN) : file
}

/** The state with another rejection, or without one; a difference that was rejected has lasted. */
export function withRejection(file: FileState, rejected: Rejection | undefined): FileState {
  switch (file.state) {
    case 'unseen':
      return file
    case 'missing':
      return { ...file, rejected, change: rejected ? undefined : file.change }
    case 'changed':
      return present(rejected ? undefined : file.change, rejected)
    default:
      return present(undefined, rejected)
  }
}

/** The state with content that differs. */
export function withContentChange(file: FileState, change: ContentChange): FileState {
  if (file.state === 'missing') return { ...file, change }
  return present(change, rejectionOf(file))
}

/** The state with an absence that is not kept yet. */
export function withAbsence(file: FileState, change: FileAbsence): FileState {
  return present(change, rejectionOf(file))
}

function present(
  change: ContentChange | FileAbsence | undefined,
  rejected: Rejection | undefined,
): FileState {
  if (change) return { state: 'changed', change, rejected }
  return rejected ? { state: 'rejected', rejected } : CLEAN
}
