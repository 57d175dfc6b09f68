import { createReadStream, createWriteStream } from 'node:fs'
import { access, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import { isSettingsError, SettingsError } from '../../model/errors.ts'
import { ArchiveReader, printLines } from './archive-lines.ts'
import type { StoreSnapshot } from './store-snapshot.ts'

/**
 * Writes a snapshot into one file that only its owner may read, and reads it back before the file gets its
 * name. Returns the size in bytes.
 * @throws SettingsError DOCUMENT_EXISTS when the file exists and `replace` is false; STORE_UNWRITABLE, and
 * then there is no new file, or, as the message says, one that may be lost in a power failure.
 */
export async function writeArchive(snapshot: StoreSnapshot, file: string, replace: boolean): Promise<number> {
  if (!replace && (await isThere(file))) {
    throw new SettingsError(
      'DOCUMENT_EXISTS',
      `${file} already exists. Choose another name, or replace it with --overwrite.`,
    )
  }
  const temporary = `${file}.${process.pid}.tmp`
  try {
    await rm(temporary, { force: true })
    // The archive is not encrypted, and settings may be secrets, so that only its owner may read it.
    const out = createWriteStream(temporary, { flags: 'wx', mode: 0o600, flush: true })
    await pipeline(Readable.from(printLines(snapshot)), createGzip(), out)
    const written = await readArchive(temporary)
    if (written.entries.length !== snapshot.entries.length)
      throw new SettingsError(
        'STORE_UNWRITABLE',
        `${file} was written, but its content differs when read back. Check the disk and retry.`,
      )
    const { size } = await stat(temporary)
    await rename(temporary, file)
    await persistName(file)
    return size
  } catch (cause) {
    // The first error is the one to report; a temporary file that is left is recognized by its name.
    await rm(temporary, { force: true }).catch(() => {})
    if (isSettingsError(cause)) throw cause
    throw new SettingsError(
      'STORE_UNWRITABLE',
      `${file} was not written: ${cause instanceof Error ? cause.message : cause}.`,
      { cause },
    )
  }
}

/** The largest archive that is read, unpacked, in bytes: a small file can unpack to any size. */
const MAX_ARCHIVE_BYTES = 1_073_741_824
/** The longest line of an archive, in characters: the largest box twice, because its text is quoted. */
const MAX_LINE_CHARACTERS = 67_108_864

/**
 * Reads an archive to its end.
 * @throws SettingsError STORE_DAMAGED for an incomplete one and for one that unpacks to more than it may,
 * STORE_FORMAT, CONFIG_ABSENT when the file does
 * not exist.
 */
export async function readArchive(file: string, maxBytes = MAX_ARCHIVE_BYTES): Promise<StoreSnapshot> {
  if (!(await isThere(file))) throw new SettingsError('CONFIG_ABSENT', `The file ${file} does not exist.`)
  const reader = new ArchiveReader(file)
  // The first error, because the streams only report that they were ended by it.
  let reason: unknown
  const take = async (source: AsyncIterable<Buffer>): Promise<void> => {
    try {
      for await (const line of linesOf(source, reader, maxBytes)) reader.take(line)
    } catch (error) {
      reason = error
      throw error
    }
  }
  try {
    await pipeline(createReadStream(file), createGunzip(), take)
  } catch (ended) {
    const cause = reason ?? ended
    if (isSettingsError(cause)) throw cause
    throw reader.damaged(cause instanceof Error ? cause.message : String(cause), cause)
  }
  return reader.finish()
}

/** The lines of a text that arrives in chunks. */
async function* linesOf(
  source: AsyncIterable<Buffer>,
  reader: ArchiveReader,
  maxBytes: number,
): AsyncGenerator<string> {
  // Fatal, because an archive of ours is always UTF-8.
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let open: string[] = []
  let openCharacters = 0
  let bytes = 0
  for await (const chunk of source) {
    bytes += chunk.length
    if (bytes > maxBytes) throw reader.damaged(`it unpacks to more than the allowed ${maxBytes} bytes`)
    const lines = decoder.decode(chunk, { stream: true }).split('\n')
    for (const line of lines.slice(0, -1)) {
      yield open.join('') + line
      open = []
      openCharacters = 0
    }
    open.push(lines.at(-1) ?? '')
    openCharacters += lines.at(-1)?.length ?? 0
    if (openCharacters > MAX_LINE_CHARACTERS)
      throw reader.damaged(`a line is longer than the allowed ${MAX_LINE_CHARACTERS} characters`)
  }
  if (open.join('') !== '' || decoder.decode() !== '') throw reader.damaged('its last line is incomplete')
}

async function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}

/** Makes the name of a file durable. @throws SettingsError STORE_UNWRITABLE. */
async function persistName(file: string): Promise<void> {
  try {
    await syncFolder(dirname(file))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const message = `${file} was written, but may be lost in a power failure: its folder cannot be synced (${reason}). Copy it to another disk.`
    throw new SettingsError('STORE_UNWRITABLE', message, { cause })
  }
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
