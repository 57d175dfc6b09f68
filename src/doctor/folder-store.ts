import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { hostname } from 'node:os'
import {
  findEdits,
  findLockHolder,
  findRejected,
  type Inspection,
  inspectFolder,
} from '../../backends/filesystem/inspect.ts'
import { findOverlap } from '../../backends/filesystem/overlap.ts'
import type { FileState } from '../../events/nouns.ts'
import type { Entry } from '../../model/document.ts'
import { toSettingsError } from '../../model/errors.ts'
import type { Key } from '../../model/key.ts'
import { shellWord } from '../../model/quote.ts'
import type { Config } from '../boot/config.ts'
import { nameDocument } from '../state/files.ts'
import { edit, kytosSettings, thisUser } from './commands.ts'
import { broken, type Examination, type Finding, hint, warning } from './finding.ts'
import { findOtherOwner } from './other-user.ts'
import { brokenFile, describeFiles, examineWritable } from './readable-files.ts'
import { askStatus, type RunningService } from './running.ts'

const MEBIBYTE = 1024 * 1024

/** The results about a store and its entries; no entries if it cannot be read or does not exist yet. */
export interface StoreExamination extends Examination {
  readonly entries: readonly Entry[]
}

/**
 * Examines a filesystem store, also while another process has it open: its lock, its journal, and hand edits
 * of its files. Changes nothing.
 */
export async function examineFolderStore(
  config: Config,
  { service }: RunningService,
): Promise<StoreExamination> {
  const part = 'the filesystem store'
  const { path } = config.filesystem
  const other =
    (await findOtherOwner(config, path)) ?? (await findOtherOwner(config, `${path}/journal`, constants.X_OK))
  if (other) {
    const why = `user ${thisUser()} may not look into ${other.path}, which belongs to user ${other.uid}`
    return { part, findings: [], entries: [], unknown: [`the store: ${why}`] }
  }
  const { isHeld, findings: lock } = examineLock(path, service !== undefined)
  const findings = [...lock, ...(await examineOverlap(config)), ...(await examineRejected(path))]
  try {
    const found = await inspectFolder(path)
    if (found) {
      const edits = await examineEdits(config, found, isHeld)
      const { findings: reported, unknown } = await askService(config, service)
      // Both sides report a file that cannot be imported; it is listed once.
      const more = reported.filter(({ where }) => !edits.some(edit => edit.where === where))
      return {
        part,
        findings: [...findings, ...edits, ...more, ...examineJournal(config, found, isHeld)],
        entries: found.entries,
        unknown,
      }
    }
    return {
      part,
      findings: [
        ...findings,
        hint('store.none', path, 'The store does not exist yet.', kytosSettings(config, 'start')),
      ],
      entries: [],
    }
  } catch (error) {
    const { message, code } = toSettingsError(error)
    const journal = `${path}/journal`
    const aside = `mv ${shellWord(journal)} ${shellWord(`${journal}.damaged`)}`
    const repair =
      code === 'STORE_DAMAGED'
        ? `${aside} && ${kytosSettings(config, 'restore', 'FILE', '--overwrite')}   # FILE is a backup; ` +
          `without one, start the service: it imports the files in ${path}`
        : `ls -l ${shellWord(journal)}   # when it is readable: ${kytosSettings(config, 'doctor')}`
    return { part, findings: [...findings, broken('journal.damaged', journal, message, repair)], entries: [] }
  }
}

/** The findings of the running service about its readable files. */
async function askService(
  config: Config,
  service: RunningService['service'],
): Promise<{ readonly findings: readonly Finding[]; readonly unknown: string[] }> {
  if (!service) return { findings: [], unknown: [] }
  try {
    const { files, more_files: more = 0 } = await askStatus(service)
    return { findings: await describeFiles(config, files, more), unknown: [] }
  } catch (error) {
    return {
      findings: [],
      unknown: [
        'which readable files differ from their documents: ' +
          `the service did not return them (${toSettingsError(error).message})`,
      ],
    }
  }
}

function examineLock(
  path: string,
  isServed: boolean,
): { readonly isHeld: boolean; readonly findings: readonly Finding[] } {
  try {
    const holder = findLockHolder(path)
    if (!holder || isServed) return { isHeld: holder !== undefined, findings: [] }
    const { pid, host } = holder
    const who = pid === undefined ? 'Another process' : `Process ${pid} on ${host}`
    const what = `${who} holds the lock of the store, and no service of this configuration responds.`
    const there = host === undefined || host === hostname() ? '' : `   # on ${host}`
    const repair =
      pid === undefined
        ? `fuser -v ${shellWord(`${path}/journal/lock`)}`
        : `ps -fp ${pid} && kill ${pid}${there}   # if it must not use the store`
    return { isHeld: true, findings: [broken('lock.held', path, what, repair)] }
  } catch (error) {
    return {
      isHeld: false,
      findings: [
        broken('lock.command', path, toSettingsError(error).message, 'sudo apt-get install util-linux'),
      ],
    }
  }
}

async function examineOverlap(config: Config): Promise<Finding[]> {
  const { path } = config.filesystem
  const other = await findOverlap(path)
  if (other === undefined) return []
  const what =
    `It overlaps the store at ${other}: files of the inner store would be documents of the outer one. ` +
    'Neither opens.'
  const change =
    `${edit(config.file)}   # set another path in [settings.filesystem]; ` +
    `then ${kytosSettings(config, 'doctor')}`
  return [broken('store.overlap', path, what, change)]
}

async function examineEdits(config: Config, found: Inspection, isHeld: boolean): Promise<Finding[]> {
  const edits = await findEdits(config.filesystem.path, found)
  const broken = edits.flatMap(one => (one.kind === 'broken' ? [brokenFile(one.file, one.why)] : []))
  // The process that has the store open may currently import or write these files; it reports failures
  // itself.
  if (isHeld) return broken
  // A folder that this user cannot write at all has its own finding.
  const isWritable = await access(config.filesystem.path, constants.W_OK).then(
    () => true,
    () => false,
  )
  const unwritable = isWritable ? await examineWritable(config, found.entries) : []
  const edited = edits.flatMap(one => (one.kind === 'edited' ? [editedFile(config, one.file)] : []))
  const missing = edits.flatMap(one => (one.kind === 'missing' ? [missingFile(one)] : []))
  return [...broken, ...edited, ...(await describeFiles(config, missing)), ...unwritable]
}

function editedFile(config: Config, file: string): Finding {
  const what =
    'It differs from its document: it was edited by hand while no service ran, ' +
    'or a service was killed before writing it.'
  return hint(
    'file.edited',
    file,
    what,
    `${kytosSettings(config, 'list')}   # imports a valid edit, like the next start`,
  )
}

function missingFile({ key, file }: { readonly key: Key; readonly file: string }): FileState {
  const message = 'It is missing, but was not removed while a service ran; its document is kept.'
  return { ...nameDocument(key), source: file, code: 'FILE_MISSING', message }
}

async function examineRejected(path: string): Promise<Finding[]> {
  const what = 'A hand edit was rejected, and a later change moved it here.'
  return (await findRejected(path)).map(file =>
    hint('file.rejected', file, what, `cat ${shellWord(file)} && rm ${shellWord(file)}`),
  )
}

function examineJournal(
  config: Config,
  { torn, kept, entries, bytes }: Inspection,
  isHeld: boolean,
): Finding[] {
  const { path } = config.filesystem
  const start = kytosSettings(config, 'start')
  const findings: Finding[] = []
  // A process that has the store open may currently write.
  if (torn && !isHeld) {
    const what = `Its last write (${torn.lost} bytes) was incomplete and never acknowledged.`
    findings.push(
      warning('journal.torn', torn.file, what, `${start}   # moves it to a file beside the journal`),
    )
  }
  for (const file of kept)
    findings.push(hint('journal.kept', file, 'An incomplete write was moved here.', `rm ${shellWord(file)}`))
  const content = entries.reduce((sum, { key, text }) => sum + key.length + text.length, 0)
  if (bytes > 64 * MEBIBYTE && bytes > 10 * content) {
    const what =
      `It has ${Math.round(bytes / MEBIBYTE)} MiB for ${(content / MEBIBYTE).toFixed(1)} MiB of content: ` +
      'it is not compacted.'
    findings.push(
      warning(
        'journal.large',
        `${path}/journal`,
        what,
        `${start}   # compacts it at the first change, or logs why it cannot`,
      ),
    )
  }
  return findings
}
