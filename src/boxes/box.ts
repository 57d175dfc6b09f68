import type { Box } from '../../events/nouns.ts'
import type { Actor } from '../../model/actor.ts'
import { type Entry, printRevision } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import { parseJson, printJson } from '../../model/json.ts'
import { encodeSegment, type Key, makeKey, splitKey } from '../../model/key.ts'
import { quote } from '../../model/quote.ts'
import { isObject, type Json } from '../../model/value.ts'

/** One JSON value of NApp data, as it is stored. */
export interface StoredBox {
  readonly data: Json
  readonly created_at: string
  readonly owner: string | null
  /** Identifies the command that wrote the box; null when another program wrote it. */
  readonly writeId: string | null
}

/** The longest percent-encoded namespace or box id, because with `.json` it must be a file name. */
const MAX_NAME_BYTES = 180
const FORBIDDEN_CHARACTERS = /[\u0000-\u001f\u007f-\u009f/\\]/

/** @throws SettingsError BOX_MALFORMED for a namespace or box id that cannot be one. */
export function boxKey(namespace: unknown, boxId: unknown): Key {
  return makeKey('boxes', parseName(namespace, 'namespace'), parseName(boxId, 'box_id'))
}

/** @throws SettingsError BOX_MALFORMED. */
export function parseName(value: unknown, field: string): string {
  const fits =
    typeof value === 'string' &&
    value !== '' &&
    value !== '.' &&
    value !== '..' &&
    !FORBIDDEN_CHARACTERS.test(value) &&
    value.isWellFormed() &&
    encodeSegment(value).length <= MAX_NAME_BYTES
  if (fits) return value
  throw new SettingsError(
    'BOX_MALFORMED',
    `Invalid "${field}" ${quote(value)}: it must have 1 to ${MAX_NAME_BYTES} bytes when percent-encoded, no control characters, "/" or "\\", and must not be "." or "..".`,
    { details: { field } },
  )
}

const UTC_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z$/

/**
 * Parses the creation time of an imported box; undefined for a box that is created now.
 * @throws SettingsError BOX_MALFORMED for a value that is no such time, or that a NApp sent.
 */
export function parseCreationTime(value: unknown, actor: Actor): string | undefined {
  if (value === undefined) return undefined
  if (actor.type !== 'import' && actor.type !== 'user') {
    throw new SettingsError(
      'BOX_MALFORMED',
      `"created_at" is allowed only for imports and users, not for ${actor.name}. Omit it.`,
      {
        details: { field: 'created_at' },
      },
    )
  }
  if (typeof value === 'string' && UTC_TIME.test(value) && !Number.isNaN(Date.parse(value))) return value
  throw new SettingsError(
    'BOX_MALFORMED',
    `"created_at" must be a UTC time such as "2024-02-29T12:00:00.000Z", not ${quote(value)}.`,
    {
      details: { field: 'created_at' },
    },
  )
}

/**
 * The stored text of a box. `write_id` makes it unique, so that a commit whose answer was lost can be
 * distinguished from a lost race.
 */
export function printBox(box: StoredBox, actor: Actor, at: string): string {
  return printJson({
    data: box.data,
    created_at: box.created_at,
    owner: box.owner,
    written: { write_id: box.writeId, actor: { type: actor.type, name: actor.name }, at },
  })
}

/** @throws SettingsError STORE_DAMAGED for a text that is no box, which another program wrote. */
export function parseBox(entry: Entry): StoredBox {
  const value = parseStored(entry)
  if (!isObject(value) || value.data === undefined) {
    throw new SettingsError(
      'STORE_DAMAGED',
      `The stored document "${entry.key}" is not a box ({data, created_at, owner, written}); another program wrote it. Repair or delete it in the store.`,
    )
  }
  return {
    data: value.data,
    created_at: typeof value.created_at === 'string' ? value.created_at : '',
    owner: typeof value.owner === 'string' ? value.owner : null,
    writeId:
      isObject(value.written) && typeof value.written.write_id === 'string' ? value.written.write_id : null,
  }
}

/** The box as answers carry it; `epoch` is that of the store. */
export function presentBox(entry: Entry, epoch: number, box = parseBox(entry)): Box {
  const [namespace = '', box_id = ''] = splitKey(entry.key).segments
  return {
    namespace,
    box_id,
    data: box.data,
    created_at: box.created_at,
    owner: box.owner,
    revision: printRevision(entry.modRevision),
    epoch,
    write_id: box.writeId,
  }
}

function parseStored(entry: Entry): Json | undefined {
  try {
    return parseJson(entry.text)
  } catch {
    return undefined // the caller reports it with the name of the document
  }
}
