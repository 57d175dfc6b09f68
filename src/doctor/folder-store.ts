import { findHolder, findRejected, inspectFolder } from '../../backends/filesystem/inspect.ts'
import type { Entry } from '../../model/document.ts'
import { toSettingsError } from '../../model/errors.ts'
import type { Config } from '../boot/config.ts'
import { broken, type Examined, type Finding, hint, warning } from './finding.ts'
import type { Running } from './running.ts'

const MEBIBYTE = 1024 * 1024

/** What is known of a store after it was looked at; no entries when it could not be read, or there is none yet. */
export interface StoreExamined extends Examined {
  readonly entries: readonly Entry[]
}

/** Looks at a store in a folder, beside whoever has it open: who that is, and how its journal is. Changes nothing. */
export async function examineFolderStore({ filesystem: { path }, file }: Config, { service }: Running): Promise<StoreExamined> {
  const part = 'the store in its folder'
  const findings: Finding[] = []
  const holder = findHolder(path)
  if (holder && !service) {
    const who = holder.pid === undefined ? 'Another process' : `Process ${holder.pid} on ${holder.host}`
    const what = `${who} has the store open, and no service of this configuration answers.`
    findings.push(
      broken(
        'lock.held',
        path,
        what,
        holder.pid === undefined ? `fuser -v ${path}/journal/lock` : `ps -fp ${holder.pid}   # and stop it: kill ${holder.pid}`,
      ),
    )
  }
  for (const rejected of await findRejected(path)) {
    const what = 'What a person wrote here by hand was not valid, and was set aside.'
    findings.push(hint('file.rejected', rejected, what, `Look at it, then: rm ${rejected}`))
  }
  try {
    const found = await inspectFolder(path)
    if (!found)
      return { part, findings: [...findings, hint('store.none', path, 'There is no store yet.', `kytos-settings start -c ${file}`)], entries: [] }
    // A process that has it open may just be writing.
    if (found.torn && !holder) {
      const what = `Its last write was not finished (${found.torn.lost} bytes), and was never acknowledged.`
      findings.push(warning('journal.torn', found.torn.file, what, `kytos-settings start -c ${file}   # cuts it off and keeps it beside`))
    }
    for (const kept of found.kept) findings.push(hint('journal.kept', kept, 'An unfinished write was cut off and kept here.', `rm ${kept}`))
    const content = found.entries.reduce((sum, { key, text }) => sum + key.length + text.length, 0)
    if (found.bytes > 64 * MEBIBYTE && found.bytes > 10 * content) {
      const what = `It takes ${Math.round(found.bytes / MEBIBYTE)} MiB for ${Math.round(content / MEBIBYTE)} MiB of content: it is not being compacted.`
      findings.push(warning('journal.large', `${path}/journal`, what, `kytos-settings start -c ${file}   # and look at its log`))
    }
    return { part, findings, entries: found.entries }
  } catch (error) {
    const { message, code } = toSettingsError(error)
    const repair = code === 'STORE_DAMAGED' ? `kytos-settings restore FILE --overwrite -c ${file}   # from a backup` : 'See what the message says.'
    return { part, findings: [...findings, broken('journal.damaged', `${path}/journal`, message, repair)], entries: [] }
  }
}
