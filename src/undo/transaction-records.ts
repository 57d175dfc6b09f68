import type { Backend } from '../../backends/backend.ts'
import { SettingsError } from '../../model/errors.ts'
import { quote } from '../../model/quote.ts'
import { ALL_RECORDS, type KeptRecord, listRecords } from './kept-records.ts'

/**
 * All records of the commit with this write id, in byte order of their documents' keys.
 * @throws SettingsError VERSION_NOT_FOUND when no record has it; VERSION_PRUNED when some of the commit's
 * records are no longer kept.
 */
export async function recordsOfTransaction(
  backend: Backend,
  writeId: string,
): Promise<readonly KeptRecord[]> {
  const found: KeptRecord[] = []
  const { records } = await listRecords(backend, ALL_RECORDS)
  for await (const one of records) if (one.record.writeId === writeId) found.push(one)
  const [first] = found
  if (!first)
    throw new SettingsError(
      'VERSION_NOT_FOUND',
      `No record of any history has the write_id ${quote(writeId)}: it is misspelt, or its records are no longer kept. Nothing was changed.`,
      { details: { write_id: writeId } },
    )
  const documents = first.record.documents ?? 1
  if (found.length >= documents) return found
  throw new SettingsError(
    'VERSION_PRUNED',
    `The transaction ${writeId} changed ${documents} documents, of which ${documents - found.length} no longer have a record of it. Nothing was changed. Roll back its documents one by one: ${found.map(({ namespace, scope }) => `"${namespace}" (${scope})`).join(', ')}.`,
    { details: { write_id: writeId, documents, found: found.length } },
  )
}
