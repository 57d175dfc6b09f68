import { pathToFileURL } from 'node:url'
import type { Backend } from '../../backends/backend.ts'
import { type BackendModule, CONTRACT_VERSION, isBackendName, OWN_NAMES } from '../../backends/module.ts'
import { SettingsError } from '../../model/errors.ts'
import { reasonOf } from '../../model/failure.ts'
import { quote } from '../../model/quote.ts'
import { isObject, type Json } from '../../model/value.ts'
import type { OtherBackend } from './config.ts'
import { registerModuleHooks } from './module-hooks.ts'
import { resolveModule, searchedFolders } from './resolve-module.ts'
import { findDistrust } from './trust.ts'

/*
 * Invariant: the code of a module runs only under one of two conditions, which are checked before the import:
 * the operator named the configuration file (`-c FILE`, `start`), or only this user and root can write both
 * files and the folders above them.
 */

/** The exports of a module, for messages. */
const EXPORTS = 'name (a text), options (a JSON Schema) and create (a function)'
const METHODS = [
  'open',
  'get',
  'list',
  'timeToLive',
  'commit',
  'watch',
  'fileProblems',
  'restoreFiles',
  'close',
] as const

/** The loaded module of a backend. */
export interface LoadedModule extends BackendModule {
  readonly file: string
}

/**
 * Loads the module that `[settings] backend` of a configuration names. @throws SettingsError BACKEND_INVALID
 * (no such module, an export that is missing, a name that is taken, another contract), CONFIG_UNTRUSTED.
 */
export async function loadBackendModule(
  { module, isNamed }: OtherBackend,
  configFile: string,
): Promise<LoadedModule> {
  const file = resolveModule(module, configFile)
  if (file === undefined) {
    const where =
      file === module || module.startsWith('/')
        ? 'there is no such file'
        : `it is not installed; looked in ${searchedFolders(configFile)}`
    throw invalid(
      `${configFile}: [settings] backend names the module ${quote(module)}, and ${where}. ` +
        'Install it, or correct the name.',
    )
  }
  if (!isNamed) await rejectUntrusted(configFile, file)
  registerModuleHooks()
  return checkModule(await importModule(file), file)
}

async function rejectUntrusted(configFile: string, file: string): Promise<void> {
  for (const path of [configFile, file]) {
    const distrust = await findDistrust(path)
    if (!distrust) continue
    throw new SettingsError(
      'CONFIG_UNTRUSTED',
      `${configFile} names the backend ${file}, which is not part of kytos-settings, ` +
        `and ${distrust.reason}. Its code was not run. Make sure that both are as you want them; ` +
        `then run "${distrust.repair}", or name the file: -c ${configFile}.`,
      { details: { config: configFile, module: file, repair: distrust.repair } },
    )
  }
}

async function importModule(file: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return await import(pathToFileURL(file).href)
  } catch (cause) {
    throw invalid(`The backend ${file} cannot be loaded: ${reasonOf(cause)}`, cause)
  }
}

function checkModule(module: Readonly<Record<string, unknown>>, file: string): LoadedModule {
  const { name, options, create, contract = 1 } = module
  const missing = ['name', 'options', 'create'].filter(key => module[key] === undefined)
  if (missing.length > 0)
    throw invalid(
      `The backend ${file} does not export ${missing.join(', ')}; it must export ${EXPORTS}. ` +
        'See docs/backends.md.',
    )
  if (typeof name !== 'string' || !isBackendName(name)) {
    throw invalid(
      `The backend ${file} exports the name ${quote(name)}; ` +
        'allowed are a-z, 0-9, "-" and "_", 64 characters at most.',
    )
  }
  if (OWN_NAMES.includes(name))
    throw invalid(
      `The backend ${file} exports the name "${name}", which belongs to kytos-settings: choose another.`,
    )
  // A module may export any value; anything but a JSON object is rejected here.
  const schema = options as Json
  if (!isObject(schema) || typeof create !== 'function') {
    const wrong = isObject(schema) ? `create as ${quote(create)}` : `options as ${quote(options)}`
    throw invalid(`The backend ${file} exports ${wrong}; it must export ${EXPORTS}. See docs/backends.md.`)
  }
  if (contract !== CONTRACT_VERSION) {
    const newer = typeof contract === 'number' && contract > CONTRACT_VERSION
    const repair = newer
      ? 'Install a newer kytos-settings, or an older release of the backend.'
      : 'Install a newer release of the backend.'
    throw invalid(
      `The backend ${file} keeps version ${quote(contract)} of the contract, ` +
        `and this release has version ${CONTRACT_VERSION}. ${repair}`,
    )
  }
  return {
    name,
    options: schema,
    file,
    create: (values, context) => checkBackend(create(values, context), name, file),
  }
}

/**
 * The result of `create`, checked to have every method of a backend; only the conformance suite checks their
 * behaviour.
 */
function checkBackend(created: unknown, name: string, file: string): Backend {
  const backend = created as Partial<Backend> | null | undefined
  const missing = METHODS.filter(method => typeof backend?.[method] !== 'function')
  if (missing.length > 0)
    throw invalid(
      `create of the backend "${name}" (${file}) returned an object without ${missing.join(', ')}.`,
    )
  if (typeof backend?.supports?.entryBytes !== 'number')
    throw invalid(`create of the backend "${name}" (${file}) returned an object without supports.`)
  return backend as Backend
}

function invalid(message: string, cause?: unknown): SettingsError {
  return new SettingsError('BACKEND_INVALID', message, cause === undefined ? {} : { cause })
}
