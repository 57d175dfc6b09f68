import * as nodeModule from 'node:module'

/*
 * Two rules for modules of NApps and backends, added to Node's own:
 *
 *  1. `kytos-settings` is this package for a module in any folder, unless that folder has its own copy.
 *  2. A relative import of a module whose URL has `?load=N` has it, too: a NApp that is loaded again gets all
 *     of its own modules again, not only its main file. Packages are loaded once.
 */

const OWN_NAME = /^kytos-settings(\/|$)/
const RELATIVE = /^\.{1,2}\//
const LOAD = /\?load=\d+$/

interface ResolveContext {
  readonly parentURL?: string
}
interface Resolved {
  readonly url: string
}

/** The hook of Node 22.15 and later, which runs in this thread; the types of Node 20 lack it. */
interface Resolver {
  resolve(
    specifier: string,
    context: ResolveContext,
    next: (specifier: string, context: ResolveContext) => Resolved,
  ): Resolved
}

/** The same hook for Node 20, as text, because hooks run there in their own thread. */
const HOOKS = `
let ours
export function initialize(url) { ours = url }
export async function resolve(specifier, context, next) {
  try {
    const found = await next(specifier, context)
    const [load] = ${RELATIVE}.test(specifier) ? (${LOAD}.exec(context.parentURL) ?? []) : []
    return load && !found.url.includes('?') ? { ...found, url: found.url + load } : found
  } catch (error) {
    if (!${OWN_NAME}.test(specifier) || error.code !== 'ERR_MODULE_NOT_FOUND') throw error
    return next(specifier, { ...context, parentURL: ours })
  }
}`

let isRegistered = false

/** Adds the rules to this process, once; Node's own resolution comes first. */
export function registerModuleHooks(): void {
  if (isRegistered) return
  isRegistered = true
  // Newer versions have `registerHooks` and warn of `register`.
  const { registerHooks } = nodeModule as { registerHooks?: (hooks: Resolver) => void }
  if (!registerHooks) {
    nodeModule.register(`data:text/javascript,${encodeURIComponent(HOOKS)}`, { data: import.meta.url })
    return
  }
  registerHooks({
    resolve(specifier, context, next) {
      try {
        return withLoad(next(specifier, context), specifier, context)
      } catch (error) {
        const isOurs =
          OWN_NAME.test(specifier) &&
          error instanceof Error &&
          'code' in error &&
          error.code === 'ERR_MODULE_NOT_FOUND'
        if (!isOurs) throw error
        return next(specifier, { ...context, parentURL: import.meta.url })
      }
    },
  })
}

function withLoad(found: Resolved, specifier: string, { parentURL = '' }: ResolveContext): Resolved {
  const [load] = RELATIVE.test(specifier) ? (LOAD.exec(parentURL) ?? []) : []
  return load !== undefined && !found.url.includes('?') ? { ...found, url: found.url + load } : found
}

/** Removes the CommonJS modules of a folder from Node's cache, so that the next load reads them again. */
export function forgetCommonJs(folder: string): void {
  const { cache } = nodeModule.createRequire(import.meta.url)
  for (const file of Object.keys(cache)) if (file.startsWith(`${folder}/`)) delete cache[file]
}
