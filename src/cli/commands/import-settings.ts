import { readFile } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { ask } from '../../../events/ask.ts'
import type { Bus, RootBus } from '../../../events/event.ts'
import { isSettingsError, SettingsError, toSettingsError } from '../../../model/errors.ts'
import { expectedRevisionOf } from '../../../model/expected-revision.ts'
import { reasonOf } from '../../../model/failure.ts'
import { parseUntrustedJson } from '../../../model/json.ts'
import { type Namespace, parseNamespace } from '../../../model/namespace.ts'
import { isObject, type Json, type JsonObject } from '../../../model/value.ts'
import type { Log } from '../../log/log.ts'

/*
 * Initial settings.
 *
 * Invariants:
 *  1. Nothing is written to a store that holds any overrides.
 *  2. Either every namespace of the file is stored or, with an error, none.
 *  3. Changes of other clients are never touched.
 */

/** The overrides in a file `{"<namespace>": {...}}`, checked without the schemas. */
export interface ImportFile {
  readonly name: string
  readonly overrides: ReadonlyMap<Namespace, JsonObject>
}

const RETRY_INTERVAL_MS = 1_000

/**
 * @throws SettingsError CONFIG_ABSENT, JSON_MALFORMED, NAMESPACE_MALFORMED or CONTENT_MALFORMED, each with
 * the name of the file.
 */
export async function readImport(path: string, cwd: string): Promise<ImportFile> {
  const file = resolve(cwd, path)
  const text = await readFile(file, 'utf8').catch(cause => {
    throw new SettingsError('CONFIG_ABSENT', `${file} (--import) cannot be read: ${reasonOf(cause)}.`, {
      cause,
    })
  })
  try {
    return { name: basename(file), overrides: parseOverrides(parseUntrustedJson(text)) }
  } catch (cause) {
    const { code, message, details } = toSettingsError(cause)
    throw new SettingsError(code, `${file} (--import) is not valid: ${message}`, { cause, details })
  }
}

/**
 * Stores the overrides of a file in a store without overrides, once the store is reachable.
 * @throws SettingsError the error of the service.
 */
export async function importSettings(
  bus: RootBus,
  file: ImportFile,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const view = bus.view({ type: 'import', name: file.name })
  for (let isWaitLogged = false; !signal.aborted; isWaitLogged = true) {
    try {
      log.info(await importOnce(view, file, log))
      return
    } catch (cause) {
      const { code, message, details, retryable } = toSettingsError(cause)
      if (!retryable)
        throw new SettingsError(
          code,
          `${file.name} was not imported and nothing of it is stored: ${message}`,
          { cause, details },
        )
      if (!isWaitLogged) log.warn(`The import of ${file.name} waits until the store is writable: ${message}`)
      await wait(RETRY_INTERVAL_MS, undefined, { signal }).catch(() =>
        log.info(`The service stopped before ${file.name} was imported.`),
      )
    }
  }
}

/** Returns the result as one sentence. */
async function importOnce(view: Bus, file: ImportFile, log: Log): Promise<string> {
  const summaries = await ask(view, 'kytos.settings.list', {})
  if (summaries.some(summary => summary.overrides))
    return `The store already holds settings: ${file.name} was not imported.`
  const stored: { namespace: Namespace; revision: string }[] = []
  try {
    for (const [namespace, data] of file.overrides) {
      const created = await ask(view, 'kytos.settings.create', {
        namespace,
        data,
        comment: `imported from ${file.name}`,
      })
      stored.push({ namespace, revision: expectedRevisionOf(created) })
    }
  } catch (error) {
    for (const { namespace, revision } of stored.reverse())
      await removeImported(view, namespace, revision, log)
    if (isSettingsError(error, 'DOCUMENT_EXISTS'))
      return `Another client stored settings first: ${file.name} was not imported.`
    throw error
  }
  return `Imported the settings of ${[...file.overrides.keys()].join(', ')} from ${file.name}.`
}

async function removeImported(view: Bus, namespace: Namespace, revision: string, log: Log): Promise<void> {
  try {
    await ask(view, 'kytos.settings.delete', {
      namespace,
      revision,
      comment: 'the rest of the import failed',
    })
  } catch (error) {
    log.warn(
      `The imported overrides of ${namespace} stay stored, because their removal failed: ${toSettingsError(error).message}`,
    )
  }
}

function parseOverrides(json: Json): ReadonlyMap<Namespace, JsonObject> {
  if (!isObject(json)) throw malformed('the file must hold an object {"<namespace>": {...}}')
  return new Map(
    Object.entries(json).map(([key, value]) => {
      if (!isObject(value))
        throw malformed(`the value of ${JSON.stringify(key)} must be an object of settings`)
      return [parseNamespace(key), value]
    }),
  )
}

function malformed(what: string): SettingsError {
  return new SettingsError('CONTENT_MALFORMED', `${what}.`)
}
