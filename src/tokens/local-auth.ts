import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SettingsError } from '../../model/errors.ts'
import { parseJson, printJson } from '../../model/json.ts'
import { withImplied } from '../../model/permissions.ts'
import { isObject } from '../../model/value.ts'
import type { Log } from '../log/log.ts'
import { hashToken, isTokenOf, makeTokenText, tokenIdIn } from './token.ts'
import type { Principal, Tokens } from './tokens.ts'

/*
 * How whoever owns a service comes in before there is any token: a file beside the snapshot, readable by its
 * owner alone, says where the service answers and holds a token that administers it. That token is made anew
 * at each start, is good for this process only and is never stored: who can read the file could as well read
 * and write the store itself, or the memory of the process.
 */

/** Where a service of this host answers, and what it takes to administer it. */
export interface LocalService {
  readonly url: string
  readonly token: string
}

export interface LocalAuth {
  /** The tokens of the service, and the one in the file. */
  readonly tokens: Tokens
  /** Writes the file; that it cannot be written is told to the log. */
  open(url: string): Promise<void>
  /** Removes the file; a failure is reported to the log. */
  close(): Promise<void>
}

const FILE = 'service.json'
const ID = 'local'
/** As the history names whoever came in here. */
const NAME = 'local-admin'

/** A door for the owner of `folder`, which is this process' own. */
export function createLocalAuth(folder: string, tokens: Tokens, log: Log): LocalAuth {
  const file = join(folder, FILE)
  const token = makeTokenText(ID)
  const hash = hashToken(token)
  const grant: Principal = {
    name: NAME,
    rights: withImplied(['admin']),
    expires: Number.POSITIVE_INFINITY,
    isValid: () => true,
  }
  let written = false
  let isOpen = false
  return {
    tokens: {
      check(text) {
        if (tokenIdIn(text) !== ID) return tokens.check(text)
        if (isTokenOf(hash, text)) return grant
        // The file still holds the token of the process before this one.
        if (!isOpen) throw new SettingsError('STORE_STALE', 'The service is starting. Retry later.')
        return tokens.check(text)
      },
      onChange: listener => tokens.onChange(listener),
      create: (wish, actor) => tokens.create(wish, actor),
      list: () => tokens.list(),
      revoke: id => tokens.revoke(id),
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
      // Another process with this folder has never written it: this one had the port or the store.
      if (!written) return
      written = false
      await rm(file, { force: true }).catch(error => {
        // Its token ends with this process; the next one writes the file anew.
        log.warn(
          `${file} was not removed (${error instanceof Error ? error.message : error}); it refers to a stopped service.`,
        )
      })
    },
  }
}

/**
 * What the file in a folder says; undefined when there is none.
 * @throws SettingsError CONFIG_INVALID when it may not be read, or says nothing.
 */
export async function readLocalService(folder: string): Promise<LocalService | undefined> {
  const file = join(folder, FILE)
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
  if (isObject(value) && typeof value.url === 'string' && typeof value.token === 'string')
    return { url: value.url, token: value.token }
  throw new SettingsError('CONFIG_INVALID', `${file} was not written by this release. Restart the service.`)
}

/** Beside and renamed, so that nobody reads half of it; never readable by others, not even for a moment. */
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
