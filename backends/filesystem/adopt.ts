import { equalJson, type JsonObject } from '../../model/value.ts'
import { countChanges, difference } from './edit.ts'
import { type FileVersion, NO_FILE } from './file-version.ts'
import { hashOf, parseStored, readableText, storedObject } from './readable.ts'
import type { Seen } from './readable-file.ts'
import type { TrackedFile } from './tracked-file.ts'

/** The versions with all hashes computed; one without a text is no file, and so is one of a file that this store took away (a hash of null, and a text). */
export function withHashes(versions: readonly FileVersion[]): FileVersion[] {
  const computed = (text: string | undefined) => (text === undefined ? null : hashOf(readableText(text)))
  return versions.map(({ hash, text }) => ({ hash: hash === undefined ? computed(text) : hash, text }))
}

/**
 * Which of the versions that a file may hold after a crash it did hold last: the newest one with its hash; else, somebody edited it, the one from which that
 * edit is the smallest, for it is what that person saw.
 */
export function lastHeld(versions: readonly FileVersion[], hash: string | null, value: JsonObject | undefined): FileVersion {
  const same = versions.findLast(version => version.hash === hash)
  if (same) return same
  const latest = versions.at(-1) ?? NO_FILE
  if (value === undefined) return latest
  const meaning = versions.findLast(({ text }) => text !== undefined && equalJson(parseStored(text), value))
  return meaning ?? versions.reduceRight((best, version) => (distance(version, value) < distance(best, value) ? version : best), latest)
}

/** What the replaced neighbour of a file stood for: a text of this store, with its hash, or the version that a person edited. */
export function replacedVersion(tracked: TrackedFile, old: Seen, value: JsonObject | undefined): FileVersion {
  const versions = tracked.possible()
  if (!versions.some(({ hash }) => hash === old.hash) && tracked.wrote(old.hash)) return { hash: old.hash, text: undefined }
  return lastHeld(versions, old.hash, value)
}

function distance(version: FileVersion, value: JsonObject): number {
  return countChanges(difference(storedObject(version.text), value)) + (version.text === undefined ? 1 : 0)
}
