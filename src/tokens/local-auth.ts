import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { OWNER_NAME } from '../../model/actor.ts'
import { SettingsError } from '../../model/errors.ts'
import { parseJson, printJson } from '../../model/json.ts'
import { withImplied } from '../../model/permissions.ts'
import { quote } from '../../model/quote.ts'
import { EVERYTHING_VISIBLE } from '../../model/rights/visibility.ts'
import { isObject } from '../../model/value.ts'
import { isThisHost } from '../boot/loopback.ts'
import { requireTrusted } from '../boot/trust.ts'
import type { Log } from '../log/log.ts'
import { createTokenText, hashToken, isTokenOf, tokenIdIn } from './token.ts'
import type { Principal, Tokens } from './tokens.ts'

/*
 * Access for the owner of a service before a token exists: a file beside the snapshot, readable by its owner
 * alone, holds the URL of the service and a token that administers it. That token is created at each start,
 * is valid for this process only and is never stored. A reader of the file could as well read and write the
 * store itself, or the memory of the process.
 */

/** The URL of a service on this host, and a token that administers it. */
export interface LocalService {
  readonly url: string
  readonly token: string
}

export interface LocalAuth {
  /** The tokens of the service, and the one in the file. */
  readonly tokens: Tokens
  /** True while the file exists, as far as this process knows. */
  readonly isAnnounced: boolean
  /** Writes the file; a failure is reported to the log. */
  open(url: string): Promise<void>
  /** Removes the file; a failure is reported to the log. */
  close(): Promise<void>
}

const SERVICE_FILE = 'service.json'
const LOCAL_TOKEN_ID = 'local'

/** Access for the owner of `folder`, which belongs to this process. */
export function createLocalAuth(folder: string, tokens: Tokens, log: Log): LocalAuth {
  const file = join(folder, SERVICE_FILE)
  const token = createTokenText(LOCAL_TOKEN_ID)
  const hash = hashToken(token)
  const principal: Principal = {
    name: OWNER_NAME,
    by: 'local',
    rights: withImplied(['admin']),
    visibility: EVERYTHING_VISIBLE,
    expires: Number.POSITIVE_INFINITY,
    isValid: () => true,
  }
  let written = false
  let isOpen = false
  return {
    tokens: {
      check(text) {
        if (tokenIdIn(text) !== LOCAL_TOKEN_ID) return tokens.check(text)
        if (isTokenOf(hash, text)) return principal
        // The file still holds the token of the process before this one.
        if (!isOpen) throw new SettingsError('STORE_STALE', 'The service is starting. Retry later.')
        return tokens.check(text)
      },
      onChange: listener => tokens.onChange(listener),
      create: (request, actor) => tokens.create(request, actor),
      list: () => tokens.list(),
      revoke: id => tokens.revoke(id),
    },
    get isAnnounced() {
      return written
    },
    async open(url) {
      try {
        await write(file, folder, printJson({ url, token }))
        written = true
      } catch (error) {
        log.warn(
          `${file} was not written (${error instanceof Error ? error.message : error}); the command line cannot reach this service.`,
        )
      }
      isOpen = true
    },
    async close() {
      // A second process, without the port or the store, never wrote the file, so it must not remove it.
      if (!written) return
      written = false
      await rm(file, { force: true }).catch(error => {
        // Its token ends with this process; the next process replaces the file.
        log.warn(
          `${file} was not removed (${error instanceof Error ? error.message : error}); it refers to a stopped service.`,
        )
      })
    },
  }
}

/**
 * Reads the file of a folder; undefined when it does not exist. Its token is sent to its URL, so a file counts
 * only if no other user could have written it, and its URL only if it is of this host.
 * @throws SettingsError CONFIG_INVALID when it may not be read, or has other content; CONFIG_UNTRUSTED.
 */
export async function readLocalService(folder: string): Promise<LocalService | undefined> {
  const file = join(folder, SERVICE_FILE)
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined
    throw new SettingsError(
      'CONFIG_INVALID',
      `${file} cannot be read (${cause.message}). Run this command as the user of the service.`,
      { cause },
    )
  })
  const value = text === undefined ? undefined : parseJson(text)
  if (value === undefined) return undefined
  await requireTrusted(file, `${file} is not used`, ', or run this command as the user of the service')
  if (isObject(value) && typeof value.url === 'string' && typeof value.token === 'string') {
    if (isThisHost(value.url)) return { url: value.url, token: value.token }
    throw new SettingsError(
      'CONFIG_UNTRUSTED',
      `${file} names ${quote(value.url)}, which is not an address of this host; nothing was sent to it. Restart the service, or name the address: --url URL.`,
      { details: { path: file } },
    )
  }
  throw new SettingsError('CONFIG_INVALID', `${file} was not written by this release. Restart the service.`)
}

/**
 * Writes a temporary file and renames it, so that no reader gets half of it; it is never readable by others.
 */
async function write(file: string, folder: string, text: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const temporary = `${file}.${process.pid}.tmp`
  await rm(temporary, { force: true })
  try {
    const handle = await open(temporary, 'wx', 0o600)
    try {
      await handle.writeFile(text)
    } finally {
      await handle.close()
    }
    await rename(temporary, file)
  } catch (error) {
    // It holds a token; the first error is the one to report.
    await rm(temporary, { force: true }).catch(() => {})
    throw error
  }
}
