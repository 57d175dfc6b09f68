import { constants } from 'node:fs'
import { access, lstat, readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { hasFile, Layout } from '../../backends/filesystem/format/layout.ts'
import type { FileState } from '../../events/nouns.ts'
import type { Entry } from '../../model/document.ts'
import { shellWord } from '../../model/quote.ts'
import type { Config } from '../boot/config.ts'
import { asRoot, edit, kytosSettings, thisUser } from './commands.ts'
import { type Finding, warning } from './finding.ts'
import { findOtherOwner } from './other-user.ts'

/** The number of namespaces up to which each one has its own finding. */
const MAX_NAMESPACES = 10

/**
 * The findings about these files: one for each namespace and kind, or a single one if the files of many
 * namespaces are missing. `more` is the number of files that the service did not list.
 */
export async function describeFiles(
  config: Config,
  files: readonly FileState[],
  more = 0,
): Promise<Finding[]> {
  const of = (code: FileState['code']): readonly FileState[] => files.filter(file => file.code === code)
  return [
    ...describeMissing(config, of('FILE_MISSING'), more),
    ...of('FILE_REJECTED').map(({ source, message }) => brokenFile(source, message)),
    ...(await describeUnwritable(config, of('FILE_UNWRITABLE'))),
  ]
}

/** The finding about a hand edit that cannot be imported. */
export function brokenFile(file: string, why: string): Finding {
  return warning(
    'file.broken',
    file,
    `Its hand edit is invalid, so the stored document stays in use: ${why}`,
    edit(file),
  )
}

/** The obstacles to writing readable files, as far as visible while no process writes; one for each place. */
export async function examineWritable(config: Config, entries: readonly Entry[]): Promise<Finding[]> {
  const layout = new Layout(resolve(config.filesystem.path))
  const places = createPlaceExaminer(config, await mountPoints())
  const found = await Promise.all(
    entries.flatMap(({ key }) => (hasFile(key) ? [places.examine(layout.file(key))] : [])),
  )
  return [...new Map(found.flatMap(finding => (finding ? [[finding.where, finding] as const] : []))).values()]
}

/** Creates an examiner of the obstacles to writing a file, which examines each folder once. */
function createPlaceExaminer(
  config: Config,
  mounts: ReadonlySet<string>,
): {
  examine(file: string): Promise<Finding | undefined>
} {
  const folders = new Map<string, Promise<Finding | undefined>>()
  return {
    async examine(file) {
      if (mounts.has(file)) {
        const what = 'It is a mount point, so the service cannot replace it.'
        return warning('file.unwritable', file, what, asRoot(`umount ${shellWord(file)}`))
      }
      const folder = dirname(file)
      const known = folders.get(folder) ?? examineFolder(config, folder)
      folders.set(folder, known)
      return (await known) ?? examineKind(file)
    },
  }
}

/** The finding about another type of file in the place of a readable file. */
async function examineKind(file: string): Promise<Finding | undefined> {
  const stats = await lstat(file).catch(() => undefined)
  if (!stats || stats.isFile()) return undefined
  if (!stats.isSymbolicLink())
    return warning(
      'file.unwritable',
      file,
      'It is not a regular file.',
      `mv ${shellWord(file)} ${shellWord(`${file}.old`)}`,
    )
  const what = 'It is a symbolic link; the service neither follows nor replaces it.'
  return warning(
    'file.unwritable',
    file,
    what,
    `cp --remove-destination "$(readlink -f ${shellWord(file)})" ${shellWord(file)}`,
  )
}

async function examineFolder(config: Config, folder: string): Promise<Finding | undefined> {
  const stats = await lstat(folder).catch(() => undefined)
  // The next write creates a missing folder.
  if (!stats) return undefined
  const lacking = await access(folder, constants.W_OK | constants.X_OK).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code ?? 'unknown',
  )
  if (lacking === undefined) return undefined
  const what = 'The readable files in it cannot be updated; their documents are safe in the journal'
  if (lacking === 'EROFS') {
    const remount = asRoot(`mount -o remount,rw "$(findmnt -no TARGET --target ${shellWord(folder)})"`)
    return warning('file.unwritable', folder, `${what}: its file system is read-only.`, remount)
  }
  const other = await findOtherOwner(config, folder, constants.W_OK | constants.X_OK)
  if (other) return undefined
  const repair =
    `${asRoot(`chown ${thisUser()} ${shellWord(folder)}`)} && ` +
    `${asRoot(`chmod u+rwx ${shellWord(folder)}`)}   # or run the doctor as the user of the service`
  return warning('file.unwritable', folder, `${what}: user ${thisUser()} cannot write into it.`, repair)
}

function describeMissing(config: Config, files: readonly FileState[], more: number): Finding[] {
  const groups = new Map<string, FileState[]>()
  for (const file of files) {
    const group = groups.get(file.namespace)
    if (group) group.push(file)
    else groups.set(file.namespace, [file])
  }
  if (groups.size > MAX_NAMESPACES || more > 0) {
    const named = [...groups.keys()].slice(0, 3).join(', ')
    const what =
      `${files.length}${more > 0 ? ' or more' : ''} readable files are missing, ` +
      `but were not removed while a service ran, such as those of ${named}; the documents are kept.`
    const restore = kytosSettings(config, 'files', 'restore')
    return [
      warning(
        'file.missing',
        config.filesystem.path,
        what,
        `${restore}   # first, for each intended removal: kytos-settings delete NAPP`,
      ),
    ]
  }
  return [...groups].map(([namespace, group]) => missingOf(config, namespace, group))
}

function missingOf(config: Config, namespace: string, group: readonly FileState[]): Finding {
  const [first] = group
  const where = first && group.length === 1 ? first.source : dirname(first?.source ?? namespace)
  const files = group.length === 1 ? 'The readable file' : `${group.length} readable files`
  const what =
    `${files} of ${namespace} ${group.length === 1 ? 'is' : 'are'} missing, ` +
    `but ${group.length === 1 ? 'was' : 'were'} not removed while a service ran; ` +
    `the ${group.length === 1 ? 'document is' : 'documents are'} kept.`
  const restore = kytosSettings(config, 'files', 'restore', shellWord(namespace))
  const scopes = new Set(group.flatMap(file => ('scope' in file ? [file.scope] : [])))
  const [scope = 'cluster'] = scopes
  const flags = scopes.size > 1 ? ['--scope SCOPE'] : scope === 'cluster' ? [] : ['--scope', scope]
  const meant =
    scopes.size === 0 ? 'delete the boxes over REST' : kytosSettings(config, 'delete', namespace, ...flags)
  return warning('file.missing', where, what, `${restore}   # or, if the removal was intended: ${meant}`)
}

/** One finding for each folder, with the repair of its visible obstacle. */
async function describeUnwritable(config: Config, files: readonly FileState[]): Promise<Finding[]> {
  const groups = new Map<string, FileState[]>()
  for (const file of files) {
    const folder = dirname(file.source)
    const group = groups.get(folder)
    if (group) group.push(file)
    else groups.set(folder, [file])
  }
  const places = createPlaceExaminer(config, files.length > 0 ? await mountPoints() : new Set())
  const findings: Finding[] = []
  for (const [folder, [first, ...others]] of groups) {
    if (!first) continue
    const more = others.length > 0 ? ` The same applies to ${others.length} more in this folder.` : ''
    const seen = await places.examine(first.source)
    const repair =
      seen?.repair ??
      `ls -ld ${shellWord(folder)} && df ${shellWord(folder)}   # when it is writable, the service writes it`
    findings.push(warning('file.unwritable', first.source, `${first.message}${more}`, repair))
  }
  return findings
}

/** The mount points of this system; none if the system does not list them. */
async function mountPoints(): Promise<ReadonlySet<string>> {
  const text = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '')
  const decode = (path: string): string =>
    path.replaceAll(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 8)))
  return new Set(text.split('\n').map(line => decode(line.split(' ')[4] ?? '')))
}
