import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { hostname } from 'node:os'
import {
  findEdits,
  findHolder,
  findRejected,
  type Inspection,
  inspectFolder,
} from '../../backends/filesystem/inspect.ts'
import { findOverlap } from '../../backends/filesystem/overlap.ts'
import type { FileState } from '../../events/nouns.ts'
import type { Entry } from '../../model/document.ts'
import { toSettingsError } from '../../model/errors.ts'
import type { Key } from '../../model/key.ts'
import type { Config } from '../boot/config.ts'
import { nameDocument } from '../state/files.ts'
import { edit, kytosSettings, word } from './commands.ts'
import { broken, type Examined, type Finding, hint, warning } from './finding.ts'
import { brokenFile, describeFiles, examineWritable } from './readable-files.ts'
import { askFiles, type Running } from './running.ts'

const MEBIBYTE = 1024 * 1024

/**
 * What is known of a store after it was looked at; no entries when it could not be read, or there is none
 * yet.
 */
export interface StoreExamined extends Examined {
  readonly entries: readonly Entry[]
}

/**
 * Looks at a store in a folder, beside whoever has it open: who that is, how its journal is, and what people
 * did to its files. Changes nothing.
 */
export async function examineFolderStore(config: Config, { service }: Running): Promise<StoreExamined> {
  const part = 'the filesystem store'
  const { path } = config.filesystem
  const { isHeld, findings: lock } = examineLock(path, service !== undefined)
  const findings = [...lock, ...(await examineOverlap(config)), ...(await examineRejected(path))]
  try {
    const found = await inspectFolder(path)
    if (found) {
      const edits = await examineEdits(config, found, isHeld)
      const { told, unknown } = await askService(config, service)
      // A file that cannot be taken in is seen from both sides.
      const more = told.filter(({ where }) => !edits.some(edit => edit.where === where))
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
    const aside = `mv ${word(journal)} ${word(`${journal}.damaged`)}`
    const repair =
      code === 'STORE_DAMAGED'
        ? `${aside} && ${kytosSettings(config, 'restore', 'FILE', '--overwrite')}   # FILE is a backup; without one, start the service: it imports the files in ${path}`
        : `ls -l ${word(journal)}   # when it is readable: ${kytosSettings(config, 'doctor')}`
    return { part, findings: [...findings, broken('journal.damaged', journal, message, repair)], entries: [] }
  }
}

/** What the running service says of its readable files. */
async function askService(
  config: Config,
  service: Running['service'],
): Promise<{ readonly told: readonly Finding[]; readonly unknown: string[] }> {
  if (!service) return { told: [], unknown: [] }
  try {
    const { files, more } = await askFiles(service)
    return { told: await describeFiles(config, files, more), unknown: [] }
  } catch (error) {
    return {
      told: [],
      unknown: [
        `which readable files differ from their documents: the service did not return them (${toSettingsError(error).message})`,
      ],
    }
  }
}

function examineLock(
  path: string,
  isServed: boolean,
): { readonly isHeld: boolean; readonly findings: readonly Finding[] } {
  try {
    const holder = findHolder(path)
    if (!holder || isServed) return { isHeld: holder !== undefined, findings: [] }
    const { pid, host } = holder
    const who = pid === undefined ? 'Another process' : `Process ${pid} on ${host}`
    const what = `${who} holds the lock of the store, and no service of this configuration responds.`
    const there = host === undefined || host === hostname() ? '' : `   # on ${host}`
    const repair =
      pid === undefined
        ? `fuser -v ${word(`${path}/journal/lock`)}`
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
  const what = `It overlaps the store at ${other}: files of the inner store would be documents of the outer one. Neither opens.`
  const change = `${edit(config.file)}   # set another path in [settings.filesystem]; then ${kytosSettings(config, 'doctor')}`
  return [broken('store.overlap', path, what, change)]
}

async function examineEdits(config: Config, found: Inspection, isHeld: boolean): Promise<Finding[]> {
  const edits = await findEdits(config.filesystem.path, found)
  const broken = edits.flatMap(one => (one.kind === 'broken' ? [brokenFile(one.file, one.why)] : []))
  // The process that has it open is just taking it in, or writing it; what it cannot write, it says itself.
  if (isHeld) return broken
  // One that is not this user's as a whole is a finding of its own.
  const isOurs = await access(config.filesystem.path, constants.W_OK).then(
    () => true,
    () => false,
  )
  const unwritable = isOurs ? await examineWritable(config, found.entries) : []
  const edited = edits.flatMap(one => (one.kind === 'edited' ? [editedFile(config, one.file)] : []))
  const missing = edits.flatMap(one => (one.kind === 'missing' ? [missingFile(one)] : []))
  return [...broken, ...edited, ...(await describeFiles(config, missing)), ...unwritable]
}

function editedFile(config: Config, file: string): Finding {
  const what =
    'It differs from its document: it was edited by hand while no service ran, or a service was killed before writing it.'
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
    hint('file.rejected', file, what, `cat ${word(file)} && rm ${word(file)}`),
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
  // A process that has it open may just be writing.
  if (torn && !isHeld) {
    const what = `Its last write (${torn.lost} bytes) was incomplete and never acknowledged.`
    findings.push(
      warning('journal.torn', torn.file, what, `${start}   # moves it to a file beside the journal`),
    )
  }
  for (const file of kept)
    findings.push(hint('journal.kept', file, 'An incomplete write was moved here.', `rm ${word(file)}`))
  const content = entries.reduce((sum, { key, text }) => sum + key.length + text.length, 0)
  if (bytes > 64 * MEBIBYTE && bytes > 10 * content) {
    const what = `It has ${Math.round(bytes / MEBIBYTE)} MiB for ${(content / MEBIBYTE).toFixed(1)} MiB of content: it is not compacted.`
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
