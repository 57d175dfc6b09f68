import { dirname } from 'node:path'
import type { Key } from '../../../model/key.ts'
import type { FileNotes } from '../format/file-notes.ts'
import type { FileVersion } from '../format/file-version.ts'
import { neighbours } from '../format/layout.ts'
import type { FileReconciler } from '../reconcile/file-reconciler.ts'
import { asUnseen } from '../reconcile/file-state.ts'
import { identifyFolder } from '../reconcile/folder-identity.ts'
import { heldVersion } from '../reconcile/held-version.ts'
import { isAbsent, look, signatureNow } from '../reconcile/look.ts'
import type { ReconcilerContext } from '../reconcile/reconciler-context.ts'
import type { TrackedFile } from '../reconcile/tracked-file.ts'

/** A readable file as the journal and the first walk of an opening describe it. */
export interface FoundFile {
  readonly key: Key
  readonly tracked: TrackedFile
  /** The versions that it may hold, with all hashes. */
  readonly candidates: readonly FileVersion[]
  readonly notes: FileNotes | undefined
  /** True when the walk found a temporary or replaced file beside it. */
  readonly isUnfinished: boolean
}

/**
 * Finds which version a readable file holds when the store is opened, and what a process that died left
 * beside it.
 */
export async function adoptFile(
  { key, tracked, candidates, notes, isUnfinished }: FoundFile,
  reconciler: FileReconciler,
  { layout, remember, missing }: Pick<ReconcilerContext, 'layout' | 'remember' | 'missing'>,
): Promise<void> {
  const file = layout.file(key)
  const seen = await look(file).catch(() => undefined)
  const folder = identifyFolder(dirname(file))
  const version = seen && heldVersion(tracked, seen, folder)
  if (version?.hash === null) tracked.noteAbsence(folder)
  if (version) {
    tracked.hold(version)
    // A process that died moved the file away and did not put the next one in its place, or did not replace
    // what a person typed by what the document has.
    tracked.isRewriteDue = version.hash === null ? version.text !== undefined : notes?.due === true
    if (seen.settled && seen.hash === version.hash) tracked.signature = seen.signature
  }
  // The file holds one of the versions, but cannot be looked at, or is absent. A text that came back is
  // decided when the file is reconciled.
  const isUnseen = !version && (!seen || (seen.hash === null && candidates.length > 1))
  if (isUnseen) {
    tracked.state = asUnseen(tracked.state)
    tracked.isRewriteDue = notes?.due === true
  }
  // Looked for by name too, because each file of a folder may be readable when the folder itself is not.
  const isTaken = seen?.hash === null && mayExist(neighbours(file).replaced)
  if (isUnfinished || isTaken) await reconciler.recover(key, tracked)
  const isSettled = tracked.leftover !== 'unsettled'
  if (seen && isSettled && tracked.known.hash !== null && signatureNow(file) === 'no file') {
    tracked.keepMissing()
    if (!notes?.kept) remember(key)
    missing(key)
  } else if (version && (candidates.length > 1 || candidates[0]?.hash !== version.hash)) remember(key)
}

/** True unless it is certain that no file has this name. */
function mayExist(file: string): boolean {
  try {
    return !isAbsent(file)
  } catch {
    return true
  }
}
