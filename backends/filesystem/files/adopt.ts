import { equalJson, type JsonObject } from '../../../model/value.ts'
import { type FileVersion, NO_FILE } from '../format/file-version.ts'
import { hashOf, parseReadable, parseStored, readableText, storedObject } from '../format/readable.ts'
import { countChanges, difference } from './edit.ts'
import type { FolderIdentity } from './folder-identity.ts'
import type { Seen } from './readable-file.ts'
import type { TrackedFile } from './tracked-file.ts'

/**
 * The versions with all hashes computed; one without a text is no file, and so is one of a file that this
 * store took away (a hash of null, and a text).
 */
export function withHashes(versions: readonly FileVersion[]): FileVersion[] {
  const computed = (text: string | undefined) => (text === undefined ? null : hashOf(readableText(text)))
  return versions.map(({ hash, text }) => ({ hash: hash === undefined ? computed(text) : hash, text }))
}

/**
 * Which of the versions that a file may hold after a crash it did hold last: the newest one with its hash;
 * else, somebody edited it, the one from which that edit is the smallest, for it is what that person saw.
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
 * What a file that was just looked at holds, of what it may hold; undefined when that is to be judged later:
 * it is absent without having been taken away by us, or holds an earlier text in a folder that was away.
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
 * What the replaced neighbour of a file stood for: a text of this store, with its hash, or the version that a
 * person edited.
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
    return parseReadable(bytes)
  } catch {
    // What is wrong with it is reported when the file is attended to; here only its distance to what is known
    // counts.
    return undefined
  }
}
