import { equalJson, type JsonObject } from '../../../model/value.ts'
import { parseEditedObject } from '../../edited-text.ts'
import { decodeText } from '../../text-bytes.ts'
import { type FileVersion, NO_FILE } from '../format/file-version.ts'
import { hashOf, parseStored, readableText, storedObject } from '../format/readable.ts'
import type { FolderIdentity } from './folder-identity.ts'
import type { Seen } from './look.ts'
import { countChanges, difference } from './member-changes.ts'
import type { TrackedFile } from './tracked-file.ts'

/**
 * The versions with all hashes computed. A version without a text is no file, and so is one with a hash of
 * null and a text: a file that this store moved away.
 */
export function withHashes(versions: readonly FileVersion[]): FileVersion[] {
  const computed = (text: string | undefined) => (text === undefined ? null : hashOf(readableText(text)))
  return versions.map(({ hash, text }) => ({ hash: hash === undefined ? computed(text) : hash, text }))
}

/**
 * The version that a file held last, among those that it may hold after a crash: the newest one with the hash
 * of the content. Otherwise a person edited the file: the version from which that edit is the smallest,
 * because it is what the person saw.
 */
export function lastHeld(
  versions: readonly FileVersion[],
  hash: string | null,
  value: JsonObject | undefined,
): FileVersion {
  const same = versions.findLast(version => version.hash === hash)
  if (same) return same
  const latest = versions.at(-1) ?? NO_FILE
  if (value === undefined) return latest
  const meaning = versions.findLast(({ text }) => text !== undefined && equalJson(parseStored(text), value))
  return (
    meaning ??
    versions.reduceRight(
      (best, version) => (distance(version, value) < distance(best, value) ? version : best),
      latest,
    )
  )
}

/**
 * The version that a file holds according to a look at it; undefined when that is decided later, because the
 * file is absent and was not moved away by us, or holds an earlier text in a folder that was away.
 */
export function heldVersion(
  tracked: TrackedFile,
  seen: Seen,
  folder: FolderIdentity | undefined,
): FileVersion | undefined {
  const versions = tracked.possible()
  const same = versions.findLast(({ hash }) => hash === seen.hash)
  if (same) return same
  if (seen.hash === null || tracked.isStray(seen.hash, folder)) return undefined
  return lastHeld(tracked.stray ? [tracked.stray, ...versions] : versions, seen.hash, objectIn(seen.bytes))
}

/**
 * The version that the replaced neighbour of a file stands for: a text of this store, with its hash, or the
 * version that a person edited.
 */
export function replacedVersion(tracked: TrackedFile, old: Seen, value: JsonObject | undefined): FileVersion {
  const versions = tracked.possible()
  if (!versions.some(({ hash }) => hash === old.hash) && tracked.wrote(old.hash))
    return { hash: old.hash, text: undefined }
  return lastHeld(versions, old.hash, value)
}

function distance(version: FileVersion, value: JsonObject): number {
  return countChanges(difference(storedObject(version.text), value)) + (version.text === undefined ? 1 : 0)
}

function objectIn(bytes: Buffer): JsonObject | undefined {
  try {
    return parseEditedObject(decodeText(bytes))
  } catch {
    // The error is reported when the file is reconciled; here only its distance to known versions counts.
    return undefined
  }
}
