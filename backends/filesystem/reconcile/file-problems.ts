import { dirname } from 'node:path'
import type { Key } from '../../../model/key.ts'
import { splitKey } from '../../../model/key.ts'
import type { BackendContext, FileProblem, Problem } from '../../backend.ts'
import type { Layout } from '../format/layout.ts'
import { isMissing, rejectionOf } from './file-state.ts'
import { identifyFolder } from './folder-identity.ts'
import type { TrackedFile } from './tracked-file.ts'

/** How many folders are reported one by one; more of them are reported as one. */
const MAX_FOLDERS_LISTED = 5
/** How many documents a message names. */
const MAX_DOCUMENTS_LISTED = 3

/** The problem of a readable file now; undefined when it shows its document, or soon will. */
export function problemOf(
  key: Key,
  file: () => string,
  tracked: TrackedFile,
  exists: boolean,
): FileProblem | undefined {
  const { reason } = tracked.failures
  if (reason !== undefined)
    return { code: 'FILE_UNWRITABLE', key, source: file(), message: unwritableMessage(file(), reason) }
  const rejection = rejectionOf(tracked.state)?.reason
  if (rejection !== undefined) return { code: 'FILE_REJECTED', key, source: file(), message: rejection }
  return isMissing(tracked.state) && exists
    ? { code: 'FILE_MISSING', key, source: file(), message: missingMessage(key, file()) }
    : undefined
}

export function unwritableMessage(file: string, reason: string): string {
  return `The readable file ${file} cannot be updated: ${reason}. Its document is safe in the journal.`
}

/** Reports that a readable file cannot be reconciled, once for each message. */
export function reportUnwritable(
  {
    key,
    file,
    tracked,
    message,
  }: { readonly key: Key; readonly file: string; readonly tracked: TrackedFile; readonly message: string },
  report: BackendContext['report'],
): void {
  if (tracked.failures.add(message)) report({ code: 'FILE_UNWRITABLE', key, source: file, message })
}

/** The reason of a failure, as text for a message. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/**
 * The problems to report for files that have become missing: one for each file, one for each folder of which
 * several are missing, and one for each kind of documents when that would be many.
 */
export function missingProblems(keys: readonly Key[], layout: Layout): readonly Problem[] {
  const folders = groupBy(keys, key => missingRoot(layout, dirname(layout.file(key))))
  const groups =
    folders.size > MAX_FOLDERS_LISTED
      ? groupBy(keys, key => layout.root(splitKey(key).kind as 'settings'))
      : folders
  return [...groups].map(([folder, missing]): Problem => {
    const [key] = missing
    if (key === undefined || missing.length > 1)
      return { code: 'FILE_MISSING', source: folder, message: manyMessage(folder, missing) }
    return {
      code: 'FILE_MISSING',
      key,
      source: layout.file(key),
      message: missingMessage(key, layout.file(key)),
    }
  })
}

function missingMessage(key: Key, file: string): string {
  const { namespace, meant } = wordsFor(key)
  const restore = `kytos-settings files restore ${namespace}`
  return `The readable file ${file} is missing; its document is kept. If the removal was intended, ${meant}; otherwise run "${restore}".`
}

function manyMessage(folder: string, keys: readonly Key[]): string {
  const names = keys.slice(0, MAX_DOCUMENTS_LISTED).map(key => wordsFor(key).name)
  const rest = keys.length > MAX_DOCUMENTS_LISTED ? ` and ${keys.length - MAX_DOCUMENTS_LISTED} more` : ''
  const missing = `${keys.length} readable files in ${folder} are missing; their documents are kept: ${names.join(', ')}${rest}.`
  const meant = keys.every(isBox) ? 'delete those boxes' : 'run "kytos-settings delete NAPP" for each'
  return `${missing} If the removal was intended, ${meant}; otherwise run "kytos-settings files restore", or mount the folder again.`
}

function isBox(key: Key): boolean {
  return splitKey(key).kind === 'boxes'
}

function wordsFor(key: Key): { readonly name: string; readonly namespace: string; readonly meant: string } {
  const { kind, segments } = splitKey(key)
  const [first = '', second = '', third = ''] = segments
  if (kind === 'boxes')
    return {
      name: `box ${second} of ${first}`,
      namespace: first,
      meant: `delete the box ${second} of ${first}`,
    }
  const namespace = kind === 'controllers' ? `${second}/${third}` : `${first}/${second}`
  const scope = kind === 'controllers' ? ` --scope controller:${first}` : ''
  const name = kind === 'controllers' ? `${namespace} (controller:${first})` : namespace
  return { name, namespace, meant: `run "kytos-settings delete ${namespace}${scope}"` }
}

/** The highest folder that is missing too; the folder itself when it exists. */
function missingRoot(layout: Layout, folder: string): string {
  let highest = folder
  for (let at = folder; at.length > layout.path.length && !identifyFolder(at); at = dirname(at)) highest = at
  return highest
}

function groupBy<T>(items: readonly T[], of: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) groups.set(of(item), [...(groups.get(of(item)) ?? []), item])
  return groups
}
