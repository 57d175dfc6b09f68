import type { Entry } from '../../model/document.ts'
import { type Key, parseHistoryKey } from '../../model/key.ts'
import { parseRecord, type StoredRecord } from '../state/record.ts'
import { type Examination, type Finding, warning } from './finding.ts'

/** The difference of clocks up to which no warning is reported. */
const MAX_SKEW_MS = 2_000

/**
 * Examines whether the clocks of the controllers differ, as far as the history shows: a version of a document
 * that is dated before its previous version by another controller.
 */
export function examineClocks(entries: readonly Entry[]): Examination {
  const newest = new Map<Key, StoredRecord>()
  const worst = new Map<string, { readonly finding: Finding; readonly ms: number }>()
  const controllers = new Set<string>()
  for (const entry of entries) {
    const place = parseHistoryKey(entry.key)
    const record = place && parseRecord(entry)
    if (!record) continue
    if (record.controller !== '') controllers.add(record.controller)
    const before = newest.get(place.document)
    newest.set(place.document, record)
    if (!before || before.controller === record.controller) continue
    const ms = Date.parse(before.at) - Date.parse(record.at)
    const pair = `${record.controller}, ${before.controller}`
    if (!(ms > MAX_SKEW_MS) || ms <= (worst.get(pair)?.ms ?? 0)) continue
    const what =
      `The clock of ${before.controller} was at least ${(ms / 1_000).toFixed(0)} s ahead of ` +
      `${record.controller}: ${entry.key} is dated ${record.at}, before its previous version.`
    worst.set(pair, {
      ms,
      finding: warning(
        'clock.skew',
        pair,
        what,
        'timedatectl set-ntp true   # on both hosts; this warning ends when newer versions replace that one',
      ),
    })
  }
  const unknown =
    controllers.size > 1
      ? ['the current clocks of the controllers: only the dates in the history are known']
      : []
  return { part: 'clocks', findings: [...worst.values()].map(({ finding }) => finding), unknown }
}
