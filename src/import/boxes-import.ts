import { isSettingsError } from '../../model/errors.ts'
import { equalJson, type Json } from '../../model/value.ts'
import type { Ask } from './ask.ts'
import type { ReportItem } from './report.ts'
import type { ImportOptions } from './settings-import.ts'
import type { BoxesSource } from './source.ts'
import { type FoundBox, readFoundBox } from './storehouse-folder.ts'

/** Namespaces that are filled at a time; the boxes of one go one after the other, for their order is that of their creation. */
const SIDE_BY_SIDE = 8

/** Brings the boxes of a folder in, oldest first, each once. Answers what became of each. @throws SettingsError when the service cannot be asked. */
export async function importBoxes(
  ask: Ask,
  { boxes }: BoxesSource,
  options: ImportOptions,
  done: () => void,
  signal?: AbortSignal,
): Promise<readonly ReportItem[]> {
  const namespaces = new Map<string, FoundBox[]>()
  for (const box of boxes) {
    const others = namespaces.get(box.namespace)
    if (others) others.push(box)
    else namespaces.set(box.namespace, [box])
  }
  const results = new Map<FoundBox, ReportItem>()
  const waiting = [...namespaces.entries()]
  let failed = false
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [namespace, found] = next
      const known = await knownBoxes(ask, namespace)
      for (const box of found) {
        signal?.throwIfAborted()
        if (failed) return
        results.set(box, await importBox(ask, box, known, options))
        done()
      }
    }
  }
  const workers = Array.from({ length: SIDE_BY_SIDE }, () =>
    work().catch(error => {
      failed = true
      throw error
    }),
  )
  // When one fails the others finish their box first: nothing is written once this has ended.
  const ended = (await Promise.allSettled(workers)).find(({ status }) => status === 'rejected')
  if (ended?.status === 'rejected') throw ended.reason
  return boxes.flatMap(box => results.get(box) ?? [])
}

/** None where the name cannot be one, which each box is told. */
async function knownBoxes(ask: Ask, namespace: string): Promise<ReadonlySet<string>> {
  try {
    return new Set(await ask('kytos.storehouse.list', { namespace }))
  } catch (error) {
    if (isSettingsError(error, 'BOX_MALFORMED')) return new Set()
    throw error
  }
}

async function importBox(ask: Ask, box: FoundBox, known: ReadonlySet<string>, { overwrite, dryRun }: ImportOptions): Promise<ReportItem> {
  const { namespace, box_id, file } = box
  const about = { kind: 'box', file, namespace, name: box_id } as const
  const content = await readFoundBox(file)
  if ('refused' in content) return { ...about, action: 'skipped', reason: content.refused }
  const notes = notesOn(box, content)
  const noted = notes.length > 0 ? { reason: notes.join('; ') } : {}
  const { data, owner, created_at } = content
  try {
    const there = known.has(box_id) ? await ask('kytos.storehouse.retrieve', { namespace, box_id }) : false
    if (there && equalJson(there.data, data)) return { ...about, action: 'same' }
    if (there && !overwrite) return { ...about, action: 'skipped', reason: 'a box with other data is there already' }
    if (!dryRun)
      await write(
        ask,
        box,
        data,
        { ...(owner !== undefined && { owner }), ...(created_at !== undefined && { created_at }) },
        there ? there.revision : undefined,
      )
    return { ...about, action: there ? 'changed' : 'new', ...noted }
  } catch (error) {
    if (isSettingsError(error, 'BOX_MALFORMED', 'DOCUMENT_TOO_LARGE', 'JSON_MALFORMED', 'CONTENT_MALFORMED', 'DOCUMENT_EXISTS', 'REVISION_MISMATCH'))
      return { ...about, action: 'skipped', reason: error.message }
    throw error
  }
}

async function write(
  ask: Ask,
  { namespace, box_id }: FoundBox,
  data: Json,
  more: { readonly owner?: string; readonly created_at?: string },
  revision: string | undefined,
): Promise<void> {
  if (revision === undefined) await ask('kytos.storehouse.create', { namespace, box_id, data, ...more })
  else await ask('kytos.storehouse.update', { namespace, box_id, data, method: 'PUT', revision })
}

function notesOn(
  box: FoundBox,
  content: {
    readonly namespace: string | undefined
    readonly box_id: string | undefined
    readonly created_at: string | undefined
    readonly lost: readonly string[]
  },
): string[] {
  const notes = [...content.lost]
  if (content.created_at === undefined) notes.push('when it was made is not told, so it counts as made now')
  const other = content.box_id !== undefined && content.box_id !== box.box_id ? content.box_id : undefined
  if (other !== undefined)
    notes.push(`it calls itself ${JSON.stringify(other.slice(0, 80))}; storehouse found it by the name of its file, which counts`)
  return notes
}
