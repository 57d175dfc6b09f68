import type { Backend } from '../../backends/backend.ts'
import type { AuditEntry } from '../../events/history-nouns.ts'
import { printRevision, type Revision } from '../../model/document.ts'
import { makePrefix } from '../../model/key.ts'
import { pendingContent } from '../watcher/pending/pending-content.ts'
import { readPending } from '../watcher/pending/pending-index.ts'

/** One entry of the audit, and its place: the revision at which it was put, then this key. */
export interface Audited {
  readonly stored: Revision
  readonly key: string
  readonly entry: AuditEntry
}

/**
 * The last step of each confirmed commit at each of its documents, as audit entries: that it waits, or how it
 * ended. The store keeps an end for a day, or until the document is armed again.
 */
export async function listSteps(backend: Backend): Promise<readonly Audited[]> {
  const steps: Audited[] = []
  const { pages } = await backend.list(makePrefix('pending'))
  for await (const page of pages) {
    for (const one of page) {
      const pending = readPending(one)
      const content = pending && pendingContent(pending)
      if (!content) continue
      const { namespace, scope, version, kind, baseline, actor, comment, confirm_within } = content
      steps.push({
        stored: pending.revision,
        // After the change of the same document, and before those of the next one.
        key: `${pending.document} `,
        entry: {
          ...{ namespace, scope, version, kind, controller: null, actor, comment, at: pending.at },
          ...{ write_id: pending.writeId, revision: printRevision(pending.revision) },
          ...{ confirm_within, baseline, changes: null },
        },
      })
    }
  }
  return steps
}
