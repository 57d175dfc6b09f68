import { type FileHandle, mkdir, open, realpath, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isSettingsError, SettingsError } from '../../model/errors.ts'
import { type KeySet, parseKeySet, printKeySet } from './key-set.ts'

/** Where the keys of secrets are kept. */
export interface KeySource {
  /** The place, for messages. */
  readonly place: string
  /**
   * The keys; undefined if there are no keys yet.
   * @throws SettingsError CONFIG_INVALID, CONFIG_UNTRUSTED.
   */
  load(): Promise<KeySet | undefined>
  /**
   * Keeps the first keys.
   * @throws SettingsError CONFIG_INVALID where keys cannot be kept, or there are some already.
   */
  create(keys: KeySet): Promise<void>
  /** Replaces the keys. @throws SettingsError CONFIG_INVALID. */
  replace(keys: KeySet): Promise<void>
  /** Removes keys that were created a moment ago and seal nothing. */
  discard(): Promise<void>
}

/** The environment variable with a JWK set, in place of the file. */
export const KEYS_VARIABLE = 'KYTOS_SETTINGS_KEYS'
const OTHERS_ACCESS = 0o077

/** Keys in the memory of a process, for stores in memory and tests. */
export function memoryKeySource(keys?: KeySet): KeySource {
  let kept = keys
  return {
    place: 'the memory of this process',
    load: async () => kept,
    create: async created => {
      kept = created
    },
    replace: async replaced => {
      kept = replaced
    },
    discard: async () => {
      kept = undefined
    },
  }
}

/** The keys in {@link KEYS_VARIABLE} if it is set, else in a file that only its owner may read. */
export function keySource(file: string, env: Readonly<Record<string, string | undefined>>): KeySource {
  const text = env[KEYS_VARIABLE]
  return text === undefined || text === '' ? fileKeySource(file) : variableKeySource(text)
}

function variableKeySource(text: string): KeySource {
  const refuse = async (): Promise<never> => {
    throw new SettingsError(
      'CONFIG_INVALID',
      `The keys of secrets are in the environment variable ${KEYS_VARIABLE}, which this program cannot change. Change it there, or unset it to use the file of [settings] keys.`,
    )
  }
  return {
    place: `the environment variable ${KEYS_VARIABLE}`,
    load: async () => parseKeySet(text, `The environment variable ${KEYS_VARIABLE}`),
    create: refuse,
    replace: refuse,
    discard: async () => {},
  }
}

function fileKeySource(file: string): KeySource {
  const write = async (keys: KeySet, flag: 'wx' | 'replace'): Promise<void> => {
    // A link stays, and its file is replaced.
    const target = flag === 'wx' ? file : await realpath(file).catch(() => file)
    const temporary = `${target}.${process.pid}.tmp`
    try {
      await mkdir(dirname(target), { recursive: true, mode: 0o700 })
      await rm(temporary, { force: true })
      const path = flag === 'wx' ? target : temporary
      const handle = await open(path, 'wx', 0o600)
      try {
        await handle.writeFile(printKeySet(keys))
        await handle.sync()
      } finally {
        await handle.close()
      }
      if (flag === 'replace') await rename(temporary, target)
      await syncFolder(dirname(target))
    } catch (cause) {
      await rm(temporary, { force: true }).catch(() => {})
      throw new SettingsError(
        'CONFIG_INVALID',
        `The keys of secrets cannot be written to ${file}: ${reasonOf(cause)}. Correct the folder, or set [settings] keys.`,
        { cause },
      )
    }
  }
  return {
    place: file,
    async load() {
      const text = await readOwn(file)
      return text === undefined ? undefined : parseKeySet(text, file)
    },
    create: keys => write(keys, 'wx'),
    replace: keys => write(keys, 'replace'),
    discard: () => rm(file, { force: true }),
  }
}

/**
 * The text of a file of keys, or of the file that a link names; undefined without one. The file that is
 * examined is the one that is read, even if its name is used for another meanwhile.
 * @throws SettingsError CONFIG_INVALID, CONFIG_UNTRUSTED.
 */
async function readOwn(file: string): Promise<string | undefined> {
  let handle: FileHandle | undefined
  try {
    handle = await open(file, 'r')
    await refuseOthers(file, handle)
    return await handle.readFile('utf8')
  } catch (cause) {
    if (isSettingsError(cause)) throw cause
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
    throw new SettingsError(
      'CONFIG_INVALID',
      `The keys of secrets in ${file} cannot be read: ${reasonOf(cause)}.`,
      { cause },
    )
  } finally {
    await handle?.close()
  }
}

/** @throws SettingsError CONFIG_UNTRUSTED for a file that another user owns, or may read or write. */
async function refuseOthers(file: string, handle: FileHandle): Promise<void> {
  const user = process.getuid?.()
  if (user === undefined) return
  const { uid, mode } = await handle.stat()
  const isOwn = uid === user || uid === 0
  if (isOwn && (mode & OTHERS_ACCESS) === 0) return
  const repair = isOwn ? `chmod 600 ${file}` : `chown ${user} ${file}`
  throw new SettingsError(
    'CONFIG_UNTRUSTED',
    `The keys of secrets in ${file} are not used, because ${isOwn ? `other users may access the file (mode ${(mode & 0o777).toString(8).padStart(4, '0')})` : `it belongs to user ${uid}`}. Run "${repair}", and rotate the keys if others have read them.`,
    { details: { path: file, repair } },
  )
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
