import { parseEditedBox } from '../../backends/edited-text.ts'
import type { Box } from '../../events/nouns.ts'
import { type Actor, printActor } from '../../model/actor.ts'
import { type Entry, printRevision } from '../../model/document.ts'
import { SettingsError, toSettingsError } from '../../model/errors.ts'
import type { ExpectedRevision } from '../../model/expected-revision.ts'
import { parseJson, printJson } from '../../model/json.ts'
import { encodeSegment, type Key, makeKey, splitKey } from '../../model/key.ts'
import { quote } from '../../model/quote.ts'
import { rememberText } from '../../model/stored-text.ts'
import { isObject, type Json, type JsonObject } from '../../model/value.ts'

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
 * Parses the creation time of an imported box; undefined for a box that is created now. That of a NApp is
 * ignored, as storehouse 1.3.2 does.
 * @throws SettingsError BOX_MALFORMED for a value that is no such time.
 */
export function parseCreationTime(value: unknown, actor: Actor): string | undefined {
  if (value === undefined || (actor.type !== 'import' && actor.type !== 'user')) return undefined
  if (typeof value === 'string' && UTC_TIME.test(value) && !Number.isNaN(Date.parse(value))) return value
  throw new SettingsError(
    'BOX_MALFORMED',
    `"created_at" must be a UTC time such as "2024-02-29T12:00:00.000Z", not ${quote(value)}.`,
    {
      details: { field: 'created_at' },
    },
  )
}

/** The digits that neither a revision nor an epoch has, because both are shorter. */
const IMPOSSIBLE_REVISION_DIGITS = 41
const IMPOSSIBLE_EPOCH_DIGITS = 17

/**
 * The revision that an update or a deletion requires: `<epoch>.<revision>`, or the revision alone. Undefined
 * for any other value, because users of storehouse 1.3.2 may send one.
 */
export function parseBoxGuard(value: unknown): ExpectedRevision | undefined {
  const [, epoch, digits] = typeof value === 'string' ? (/^(?:(\d+)\.)?(\d+)$/.exec(value) ?? []) : []
  if (digits === undefined) return undefined
  const revision = BigInt(cutDigits(digits, IMPOSSIBLE_REVISION_DIGITS))
  return epoch === undefined
    ? { revision }
    : { epoch: Number(cutDigits(epoch, IMPOSSIBLE_EPOCH_DIGITS)), revision }
}

function cutDigits(digits: string, length: number): string {
  return digits.replace(/^0+(?=\d)/, '').slice(0, length)
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
    written: { write_id: box.writeId, actor: printActor(actor), at },
  })
}

/** @throws SettingsError STORE_DAMAGED for a text that is no box, which another program wrote. */
export function parseBox(entry: Entry): StoredBox {
  let value: JsonObject
  try {
    value = parseEditedBox(entry.text)
  } catch (error) {
    throw notABox(entry, ` ${toSettingsError(error).message}`)
  }
  if (value.data === undefined) throw notABox(entry)
  return {
    data: value.data,
    created_at: typeof value.created_at === 'string' ? value.created_at : '',
    owner: typeof value.owner === 'string' ? value.owner : null,
    writeId:
      isObject(value.written) && typeof value.written.write_id === 'string' ? value.written.write_id : null,
  }
}

/** Shorter boxes are parsed, because that is cheap and detects the texts of other programs. */
const PARSED_LENGTH = 64 * 1024
const HEAD = '{"data":'

/**
 * A stored box as answers carry it. The data of a long box is parsed when it is read; a caller that only
 * sends it uses its stored text.
 * @throws SettingsError STORE_DAMAGED, for a long box perhaps only when its data is read.
 */
export function presentStoredBox(entry: Entry, epoch: number): Box {
  const parts = splitText(entry.text)
  if (!parts) return presentBox(entry, epoch)
  let data: Json | undefined
  const box = describeBox(entry, epoch, { data: null, ...parts.envelope })
  Object.defineProperty(box, 'data', {
    enumerable: true,
    get: () => {
      data ??= parseBox(entry).data
      return data
    },
    // A NApp may assign the data of an answer.
    set: (value: Json) => {
      data = value
    },
  })
  return rememberText(box, parts.data)
}

/**
 * The members of a stored box besides its data; that of a long one is not parsed.
 * @throws SettingsError STORE_DAMAGED, for a long box perhaps not.
 */
export function readEnvelope(entry: Entry): Omit<StoredBox, 'data'> {
  return splitText(entry.text)?.envelope ?? parseBox(entry)
}

/** The text of the data of a box, and its envelope; undefined for a text that is not of {@link printBox}. */
function splitText(
  text: string,
): { readonly data: string; readonly envelope: Omit<StoredBox, 'data'> } | undefined {
  if (text.length < PARSED_LENGTH || !text.startsWith(HEAD) || !text.isWellFormed()) return undefined
  // The rest was printed by this service and is short; a quote in one of its texts is escaped.
  const end = text.lastIndexOf(',"created_at":')
  if (end < 0 || text.length - end > PARSED_LENGTH) return undefined
  try {
    const tail = parseJson(`{${text.slice(end + 1)}`)
    if (!isObject(tail) || Object.keys(tail).join() !== 'created_at,owner,written') return undefined
    const { created_at, owner, written } = tail
    if (typeof created_at !== 'string' || !isObject(written) || typeof written.write_id !== 'string')
      return undefined
    return {
      data: text.slice(HEAD.length, end),
      envelope: {
        created_at,
        owner: typeof owner === 'string' ? owner : null,
        writeId: written.write_id,
      },
    }
  } catch {
    return undefined // another program wrote it, so the whole text is parsed
  }
}

/**
 * The box as answers carry it; `epoch` is that of the store. Its data is parsed from the text, because users of storehouse change the data
 * of the answer and send it back. The data of a command is frozen and may still be the sender's.
 */
function presentBox(entry: Entry, epoch: number): Box {
  return describeBox(entry, epoch, parseBox(entry))
}

function describeBox(entry: Entry, epoch: number, box: StoredBox): Box {
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

function notABox({ key }: Entry, why = ''): SettingsError {
  return new SettingsError(
    'STORE_DAMAGED',
    `The stored document "${key}" is not a box ({data, created_at, owner, written}); another program wrote it.${why} Repair or delete it in the store.`,
  )
}
