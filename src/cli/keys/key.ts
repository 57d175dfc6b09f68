import { open, readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { SettingsError } from '../../../model/errors.ts'
import { reasonOf } from '../../../model/failure.ts'
import { parseUntrustedJson, printJson } from '../../../model/json.ts'
import { isSealed, type Json } from '../../../model/value.ts'
import { findConfig, loadConfig } from '../../boot/config.ts'
import { openValue, readHeader } from '../../secrets/compact-jwe.ts'
import {
  createKeySet,
  currentKey,
  type KeySet,
  keyOfId,
  printKeySet,
  withNewKey,
} from '../../secrets/key-set.ts'
import { type KeySource, keySource } from '../../secrets/key-source.ts'
import type { CliContext } from '../terminal/cli-context.ts'

interface KeyOptions {
  readonly config?: string
  readonly json?: boolean
}

const EXAMPLES = `
Examples:
  kytos-settings key list
  kytos-settings key export keys-backup.json
  kytos-settings key rotate

The keys seal the secrets of the store. Without them no secret can be read: keep a copy elsewhere, and copy the
file of [settings] keys to each controller of one store. See docs/security.md.`

/** Adds `key create|list|rotate|export|open`, which work on the file of `[settings] keys` and need no service. */
export function addKeyCommand(program: Command, context: CliContext): void {
  const key = program
    .command('key')
    .description('create, list, rotate and export the keys of secrets')
    .addHelpText('after', EXAMPLES)
  key
    .command('create')
    .description('create the keys before the first secret')
    .action(async (_options, command: Command) => {
      const source = await sourceOf(command, context)
      if (await source.load())
        throw new SettingsError(
          'DOCUMENT_EXISTS',
          `${source.place} already has keys. Add one with "kytos-settings key rotate".`,
        )
      await source.create(createKeySet())
      context.stdout.write(
        `Created the keys in ${source.place}. Keep a copy elsewhere: kytos-settings key export FILE\n`,
      )
    })
  key
    .command('list')
    .description('list the keys, without their secrets')
    .option('-j, --json', 'print JSON')
    .action(async (_options, command: Command) => {
      const source = await sourceOf(command, context)
      const keys = await requireKeys(source)
      const current = currentKey(keys).kid
      const rows = keys.sealing.map(({ kid, created }) => ({ kid, created, current: kid === current }))
      context.stdout.write(
        command.optsWithGlobals<KeyOptions>().json
          ? `${printJson(rows, 2)}\n`
          : rows.map(row => `${row.kid}  ${row.created}${row.current ? '  current' : ''}\n`).join(''),
      )
    })
  key
    .command('rotate')
    .description('add a key that seals from the next start of the service on')
    .action(async (_options, command: Command) => {
      const source = await sourceOf(command, context)
      const keys = withNewKey(await requireKeys(source))
      await source.replace(keys)
      context.stdout.write(
        `Added the key ${currentKey(keys).kid} to ${source.place}. Copy the file to the other controllers of the store, then restart the services one by one: they seal documents and history again. "kytos-settings reseal" reports when nothing is left.\n`,
      )
    })
  key
    .command('export')
    .description('write the keys to a new file, readable by you alone')
    .argument('<file>', 'the new file')
    .action(async (file: string, _options, command: Command) => {
      const keys = await requireKeys(await sourceOf(command, context))
      const path = resolve(context.cwd, file)
      await writeNew(path, printKeySet(keys))
      context.stdout.write(
        `Wrote the keys to ${path}. Its content reveals all secrets: store it in a safe place.\n`,
      )
    })
  key
    .command('open')
    .description('print the text of a rejected file that was sealed')
    .argument('<file>', 'a file NAME.json.rejected beside the readable files')
    .action(async (file: string, _options, command: Command) => {
      const keys = await requireKeys(await sourceOf(command, context))
      context.stdout.write(await openFile(resolve(context.cwd, file), keys))
    })
}

/** The text in a sealed file. @throws SettingsError CONTENT_MALFORMED for another file. */
async function openFile(file: string, keys: KeySet): Promise<string> {
  const sealed = await readJson(file)
  const text = sealed !== undefined && isSealed(sealed) ? sealed.$sealed : ''
  const kid = readHeader(text)?.kid
  const key = kid === undefined ? undefined : keyOfId(keys, kid)
  const opened = key && openValue(key.bytes, text)?.value
  if (typeof opened === 'string') return opened
  throw new SettingsError(
    'CONTENT_MALFORMED',
    `${file} is no file that was sealed as a whole with one of these keys.`,
  )
}

/** The JSON in a file, of which no error quotes a part; undefined for another text. */
async function readJson(file: string): Promise<Json | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    throw new SettingsError('CONTENT_MALFORMED', `${file} cannot be read: ${reasonOf(cause)}.`, { cause })
  }
  try {
    return parseUntrustedJson(text)
  } catch {
    return undefined
  }
}

async function sourceOf(command: Command, context: CliContext): Promise<KeySource> {
  const named = command.optsWithGlobals<KeyOptions>().config
  const config = await loadConfig(findConfig(named, context), { isNamed: named !== undefined })
  return keySource(config.settings.keys, context.env)
}

/** @throws SettingsError KEY_MISSING. */
async function requireKeys(source: KeySource): Promise<KeySet> {
  const keys = await source.load()
  if (keys) return keys
  throw new SettingsError(
    'KEY_MISSING',
    `There are no keys in ${source.place}. They are made with the first secret, or by "kytos-settings key create".`,
  )
}

async function writeNew(path: string, text: string): Promise<void> {
  try {
    const handle = await open(path, 'wx', 0o600)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (cause) {
    throw new SettingsError(
      'CONTENT_MALFORMED',
      `The keys cannot be written to ${path}: ${cause instanceof Error ? cause.message : String(cause)}. Name a new file in a folder of yours.`,
      { cause },
    )
  }
}
