import { isSettingsError, toSettingsError } from '../../model/errors.ts'
import type { Log } from '../log/log.ts'
import type { DocumentWriter } from '../settings/write/document-writer.ts'
import type { DocumentState } from '../state/document-state.ts'

/** Records hand edits in the history; an edit that cannot be recorded is logged, except while closing. */
export function adoptEdits(
  documents: readonly DocumentState[],
  writer: Pick<DocumentWriter, 'adopt'>,
  { log, isClosing }: { readonly log: Log; readonly isClosing: () => boolean },
): void {
  for (const { key, entry, data, goneAt } of documents) {
    writer
      .adopt({
        key,
        data,
        text: entry?.text,
        gone: entry === undefined,
        revision: entry?.modRevision ?? goneAt,
      })
      .catch(error => {
        // The next listing finds an edit that could not be recorded now, or the next change records it.
        if (!isClosing() && !isSettingsError(error, 'STORE_UNREACHABLE', 'OUTCOME_UNKNOWN'))
          log.error(
            `The hand edit of ${key} was not recorded in the history: ${toSettingsError(error).message}`,
          )
      })
  }
}
