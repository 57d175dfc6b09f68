import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { hasCode } from '../../model/failure.ts'

/**
 * The file of a module that a configuration names, resolved without running its code: an absolute path
 * itself, a package from the folder of the configuration upwards, then beside this package. Undefined when
 * none exists.
 */
export function resolveModule(module: string, configFile: string): string | undefined {
  if (isAbsolute(module)) return existsSync(module) ? module : undefined
  return findPackage(module, configFile) ?? findPackage(module, fileURLToPath(import.meta.url))
}

/** The searched folders of a package, for a message. */
export function searchedFolders(configFile: string): string {
  const own = join(dirname(configFile), 'node_modules')
  return `${own}, the same in each folder above, and beside kytos-settings`
}

function findPackage(module: string, from: string): string | undefined {
  try {
    const found = createRequire(from).resolve(module)
    // A module of Node itself has no file and is not a backend.
    return isAbsolute(found) ? found : undefined
  } catch (error) {
    // The package is for `import` only: its exports have no target under the conditions of `require`.
    if (hasCode(error, 'ERR_PACKAGE_PATH_NOT_EXPORTED')) return findImportOnly(module, dirname(from))
    if (hasCode(error, 'MODULE_NOT_FOUND')) return undefined
    throw error
  }
}

function findImportOnly(module: string, folder: string): string | undefined {
  const parts = module.split('/')
  const length = module.startsWith('@') ? 2 : 1
  const [name, inside] = [parts.slice(0, length).join('/'), ['.', ...parts.slice(length)].join('/')]
  const home = join(folder, 'node_modules', name)
  if (!existsSync(join(home, 'package.json')))
    return dirname(folder) === folder ? undefined : findImportOnly(module, dirname(folder))
  // The content of another package's file is known at run time only.
  const { exports }: { exports?: unknown } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'))
  const target = targetOf(memberOf(exports, inside) ?? (inside === '.' ? exports : undefined))
  return target === undefined ? undefined : join(home, target)
}

/** The first target under the conditions of `import`, in the order of the package. */
function targetOf(exported: unknown): string | undefined {
  if (typeof exported === 'string') return exported
  if (typeof exported !== 'object' || exported === null) return undefined
  for (const [condition, value] of Object.entries(exported)) {
    const target = ['import', 'node', 'default'].includes(condition) ? targetOf(value) : undefined
    if (target !== undefined) return target
  }
  return undefined
}

function memberOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([name]) => name === key)?.[1]
    : undefined
}
