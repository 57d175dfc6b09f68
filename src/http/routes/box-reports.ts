import type { Box } from '../../../events/nouns.ts'
import { printJson } from '../../../model/json.ts'

/*
 * Reports of storehouse about many boxes. Each box is read separately, so a report is not a snapshot of one
 * revision: a box that is deleted meanwhile is left out.
 */

/** Retrieves one box of a namespace; false if it does not exist. */
export type RetrieveBox = (box_id: string) => Promise<Box | false>

/** The metadata of a box that a search matches and returns. */
export interface BoxMetadata {
  readonly box_id: string
  readonly owner: string | null
  readonly created_at: string
  /** Identifies the command that wrote the box. */
  readonly write_id: string | null
}

/** Maximum number of concurrent reads. */
const MAX_CONCURRENT_READS = 8
/** Bytes of boxes above which the next box is read alone, because a reader that is slow keeps them waiting. */
const SMALL_BATCH_BYTES = 1_048_576

/**
 * The metadata of the boxes whose `option` (box_id, owner or created_at) contains the query, in the order of
 * the ids; any other option finds nothing.
 */
export async function searchBoxes(
  ids: readonly string[],
  retrieve: RetrieveBox,
  option: string,
  query: string,
): Promise<readonly BoxMetadata[]> {
  const found: BoxMetadata[] = []
  // The id alone decides whether the box must be read.
  const candidates =
    option === 'box_id' ? ids.filter(id => id.includes(query)) : isSearchable(option) ? ids : []
  for await (const box of readAll(candidates, retrieve)) {
    const { box_id, owner, write_id } = box
    const metadata = { box_id, owner, created_at: asPythonTime(box.created_at), write_id }
    if (isSearchable(option) && metadata[option]?.includes(query)) found.push(metadata)
  }
  return found
}

/** One JSON object in pieces: for each box id, the dump of storehouse, a string that contains JSON. */
export async function* printBackup(ids: readonly string[], retrieve: RetrieveBox): AsyncGenerator<string> {
  let lead = '{'
  for await (const box of readAll(ids, retrieve)) {
    yield `${lead}${JSON.stringify(box.box_id)}:${JSON.stringify(dump(box))}`
    lead = ','
  }
  yield lead === '{' ? '{}' : '}'
}

/** Reads one box, then more at a time as long as they are small. */
async function* readAll(ids: readonly string[], retrieve: RetrieveBox): AsyncGenerator<Box> {
  let count = 1
  for (let at = 0; at < ids.length; ) {
    const boxes = await Promise.all(ids.slice(at, at + count).map(retrieve))
    at += count
    const bytes = boxes.reduce((sum, box) => sum + (box ? printJson(box.data).length : 0), 0)
    count = bytes > SMALL_BATCH_BYTES ? 1 : Math.min(2 * count, MAX_CONCURRENT_READS)
    for (const box of boxes) if (box) yield box
  }
}

function dump({ data, namespace, owner, created_at, box_id: id, write_id }: Box): string {
  return printJson({ data, namespace, owner, created_at: asPythonTime(created_at), id, write_id }, 4)
}

function isSearchable(option: string): option is 'box_id' | 'owner' | 'created_at' {
  return option === 'box_id' || option === 'owner' || option === 'created_at'
}

/** A time in the format of Python in UTC, as storehouse prints it: `2021-02-08 12:34:56.789000`. */
function asPythonTime(iso: string): string {
  return iso.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d\.\d{3})Z$/, '$1 $2000')
}
