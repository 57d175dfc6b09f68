import { statSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { isSettingsError } from '../../model/errors.ts'
import { printJson } from '../../model/json.ts'
import { equalJson, type Json } from '../../model/value.ts'
import type { Ask } from './ask.ts'
import type { ReportItem } from './report.ts'
import { Semaphore } from './semaphore.ts'
import type { ImportOptions } from './settings-import.ts'
import { sideBySide } from './side-by-side.ts'
import type { BoxesSource } from './source.ts'
import { type FoundBox, readFoundBox } from './storehouse-folder.ts'

/** What is under way at a time; a service takes 64 commands of one connection. */
const LANES = 48
/** How many bytes the files have that are under way at a time, unless one alone has more. */
const HELD = 4 * 1_048_576
/**
 * From how many bytes on one takes so long that others have their turn before it: the signs of life of the
 * line, and Ctrl-C.
 */
const LARGE = 262_144
/** The largest box on etcd, in bytes. */
const ETCD_BOX = 1_048_576

/**
 * Brings the boxes of a folder in, oldest first, each once. Answers what became of each.
 * @throws SettingsError when the service cannot be asked.
 */
export async function importBoxes(
  ask: Ask,
  { boxes }: BoxesSource,
  options: ImportOptions,
  done: () => void,
  signal?: AbortSignal,
): Promise<readonly ReportItem[]> {
  const results = new Map<FoundBox, ReportItem>()
  const room = new Semaphore(HELD)
  // When one fails the others finish what they write: nothing is written once this has ended.
  await sideBySide(LANES, await chainsOf(ask, boxes), async ({ isThere, boxes }, failed) => {
    for (const box of boxes) {
      const bytes = sizeOf(box)
      await room.hold(bytes, async () => {
        if (bytes > LARGE) await turn()
        signal?.throwIfAborted()
        if (failed.aborted) return
        results.set(box, await importBox(ask, box, isThere, options, failed))
        done()
      })
    }
  })
  return boxes.flatMap(box => results.get(box) ?? [])
}

/** In bytes; of one that is gone, reading it tells. */
function sizeOf({ file }: FoundBox): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}

/** Boxes that go one after the other. */
interface Chain {
  readonly isThere: boolean
  readonly boxes: FoundBox[]
}

/**
 * The new boxes of a namespace are a chain, for their order is that of their creation; one that is there
 * already is a chain of its own. The longest first.
 */
async function chainsOf(ask: Ask, boxes: readonly FoundBox[]): Promise<readonly Chain[]> {
  const known = new Map<string, ReadonlySet<string>>()
  await sideBySide(LANES, [...new Set(boxes.map(({ namespace }) => namespace))], async namespace => {
    known.set(namespace, await knownBoxes(ask, namespace))
  })
  const fresh = new Map<string, Chain>()
  const chains: Chain[] = []
  for (const box of boxes) {
    const isThere = known.get(box.namespace)?.has(box.box_id) ?? false
    const chain = isThere ? undefined : fresh.get(box.namespace)
    if (chain) chain.boxes.push(box)
    else {
      const first = { isThere, boxes: [box] }
      chains.push(first)
      if (!isThere) fresh.set(box.namespace, first)
    }
  }
  return chains.sort((a, b) => b.boxes.length - a.boxes.length)
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

async function importBox(
  ask: Ask,
  box: FoundBox,
  isThere: boolean,
  { overwrite, dryRun }: ImportOptions,
  signal: AbortSignal,
): Promise<ReportItem> {
  const { namespace, box_id, file, shown } = box
  const about = { kind: 'box', file: shown, namespace, name: box_id } as const
  const content = readFoundBox(file)
  if ('refused' in content) return { ...about, action: 'skipped', reason: content.refused }
  const notes = [...notesOn(box, content), ...notesOnSize(content.data)]
  const noted = notes.length > 0 ? { reason: notes.join('; ') } : {}
  const { data, owner, created_at } = content
  const put = async (look: boolean): Promise<ReportItem> => {
    // A dry run asks for every box, so that it refuses the names that an import would refuse.
    const there =
      look || dryRun ? await ask('kytos.storehouse.retrieve', { namespace, box_id }, { signal }) : false
    if (there && equalJson(there.data, data)) return { ...about, action: 'same' }
    if (there && !overwrite)
      return {
        ...about,
        action: 'skipped',
        reason: 'a box with other data already exists; --overwrite replaces it',
      }
    if (!dryRun)
      await write(
        ask,
        box,
        data,
        { ...(owner !== undefined && { owner }), ...(created_at !== undefined && { created_at }) },
        there ? there.revision : undefined,
      )
    return { ...about, action: there ? 'changed' : 'new', ...noted }
  }
  try {
    // What is there although it was not listed is most often what an import before this one had on its way
    // when it was ended.
    return await put(isThere).catch(error => {
      if (isSettingsError(error, 'DOCUMENT_EXISTS')) return put(true)
      throw error
    })
  } catch (error) {
    if (
      isSettingsError(
        error,
        'BOX_MALFORMED',
        'DOCUMENT_TOO_LARGE',
        'JSON_MALFORMED',
        'CONTENT_MALFORMED',
        'DOCUMENT_EXISTS',
        'REVISION_MISMATCH',
      )
    )
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

/** The same for every backend, because a dry run does not find out what the store accepts. */
function notesOnSize(data: Json): string[] {
  const bytes = Buffer.byteLength(printJson(data))
  return bytes > ETCD_BOX
    ? [`it has ${bytes} bytes; the filesystem backend allows that, etcd allows ${ETCD_BOX}`]
    : []
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
  if (content.created_at === undefined) notes.push('it has no creation time; the time of the import is used')
  const other = content.box_id !== undefined && content.box_id !== box.box_id ? content.box_id : undefined
  if (other !== undefined)
    notes.push(
      `its box_id is ${JSON.stringify(other.slice(0, 80))}; the name of its file is used instead, as in storehouse`,
    )
  return notes
}
