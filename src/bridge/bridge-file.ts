import { randomUUID } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { SettingsError } from '../../model/errors.ts'
import { hasCode, reasonOf } from '../../model/failure.ts'
import { parseJson, printJson } from '../../model/json.ts'
import { isArray, isObject, type JsonObject, toJson } from '../../model/value.ts'

/** The content of `kytos-settings.json` beside a kytos.conf, which the package in kytosd reads at its start. */
export interface BridgeFile {
  readonly url: string
  /** The file of the token, not the token: kytosd shows its own configuration over REST. */
  readonly token_file?: string
  readonly ca?: string
  /** The Python whose packages contain the bridge. */
  readonly python: string
  /** The links and folders that the installation created in the folder of NApps, in this order. */
  readonly made: readonly string[]
}

/** The path of the file for a kytos.conf. */
export function bridgeFileOf(conf: string): string {
  return join(dirname(conf), 'kytos-settings.json')
}

/** The file for a kytos.conf, or undefined. @throws SettingsError CONFIG_INVALID. */
export async function readBridgeFile(conf: string): Promise<BridgeFile | undefined> {
  const file = bridgeFileOf(conf)
  try {
    const value = parseJson(await readFile(file, 'utf8'))
    if (isBridgeFile(value)) return value as unknown as BridgeFile
  } catch (cause) {
    if (hasCode(cause, 'ENOENT')) return undefined
    throw invalid(file, reasonOf(cause), cause)
  }
  throw invalid(file, 'it needs "url", "python" and "made"')
}

/** Replaces the file as a whole. */
export async function writeBridgeFile(conf: string, content: BridgeFile): Promise<void> {
  const file = bridgeFileOf(conf)
  const aside = join(dirname(file), `.kytos-settings-${randomUUID()}`)
  try {
    await writeFile(aside, `${printJson(toJson(content), 2)}\n`, { mode: 0o644 })
    await rename(aside, file)
  } finally {
    await rm(aside, { force: true })
  }
}

function isBridgeFile(value: unknown): value is JsonObject {
  if (!isObject(value as JsonObject)) return false
  const { url, python, made } = value as JsonObject
  return typeof url === 'string' && typeof python === 'string' && made !== undefined && isArray(made)
}

function invalid(file: string, why: string, cause?: unknown): SettingsError {
  const message = `${file} is not valid: ${why}. Remove it and run "kytos-settings bridge install" again.`
  return new SettingsError('CONFIG_INVALID', message, { cause, details: { file } })
}
