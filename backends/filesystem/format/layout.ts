import { join, sep } from 'node:path'
import { encodeSegment, type Key, makeKey, parseKey, splitKey } from '../../../model/key.ts'
import { isControllerId } from '../../../model/namespace.ts'

/** The kinds of documents with readable files, with the number of segments of their keys. */
const READABLE = { boxes: 2, controllers: 3, settings: 2 } as const
const SUFFIX = '.json'
/** The longest file name, so that the names of its neighbours are valid too. */
const MAX_NAME_CHARS = 240
const NAPP_PART = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

export type ReadableKind = keyof typeof READABLE
export const READABLE_KINDS = ['boxes', 'controllers', 'settings'] as const satisfies readonly ReadableKind[]

/** The paths of the folders and files of a store. */
export class Layout {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  get journal(): string {
    return join(this.path, 'journal')
  }

  get lock(): string {
    return join(this.journal, 'lock')
  }

  /** The file with the time that is left of each key that expires. */
  get times(): string {
    return join(this.journal, 'times.json')
  }

  /** The folder of a kind of readable files. */
  root(kind: ReadableKind): string {
    return join(this.path, kind)
  }

  /** The readable file of a document; only for keys with {@link hasFile}. */
  file(key: Key): string {
    return join(this.path, ...key.split('/')) + SUFFIX
  }

  /** The document of a file below the folder of a kind; undefined for any other name. */
  key(file: string): Key | undefined {
    const address = file
      .slice(this.path.length + 1, -SUFFIX.length)
      .split(sep)
      .join('/')
    const key = file.endsWith(SUFFIX) ? parseKey(address) : undefined
    return key && hasFile(key) && isServiceKey(key) ? key : undefined
  }
}

/** True for documents that have a readable file beside the journal. */
export function hasFile(key: Key): boolean {
  const kind = readableKind(key)
  if (!kind) return false
  const segments = key.split('/').slice(1)
  return (
    segments.length === READABLE[kind] &&
    segments.every(segment => segment.length + SUFFIX.length <= MAX_NAME_CHARS)
  )
}

/** The kind of a key that may have a readable file. */
export function readableKind(key: Key): ReadableKind | undefined {
  return READABLE_KINDS.find(kind => key.startsWith(`${kind}/`))
}

/** The names of the neighbours of a readable file. An encoded name never starts with a dot. */
export function neighbours(file: string): {
  readonly temporary: string
  readonly replaced: string
  readonly rejected: string
} {
  const at = file.lastIndexOf(sep) + 1
  const hidden = `${file.slice(0, at)}.${file.slice(at)}`
  return { temporary: `${hidden}.tmp`, replaced: `${hidden}.replaced`, rejected: `${file}.rejected` }
}

/** True when the service could have made the key: a file with any other name is ignored. */
function isServiceKey(key: Key): boolean {
  const { kind, segments } = splitKey(key)
  if (kind === 'boxes') return segments.every(isBoxPart)
  const parts = kind === 'controllers' ? segments.slice(1) : segments
  const owner = kind === 'controllers' ? segments[0] : undefined
  return (
    parts.every(part => NAPP_PART.test(part)) &&
    (owner === undefined || isControllerId(owner)) &&
    makeKey(kind, ...segments) === key
  )
}

function isBoxPart(part: string): boolean {
  return (
    !/[\u0000-\u001f\u007f/\\]/.test(part) &&
    part !== '.' &&
    part !== '..' &&
    encodeSegment(part).length <= 180
  )
}
