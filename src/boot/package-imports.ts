import * as nodeModule from 'node:module'

const OWN_NAME = /^kytos-settings(\/|$)/

/** The hook of Node 22.15 and later, which runs in this thread; the types of Node 20 lack it. */
interface Resolver {
  resolve(
    specifier: string,
    context: { readonly parentURL?: string },
    next: (specifier: string, context: { readonly parentURL?: string }) => { readonly url: string },
  ): { readonly url: string }
}

/** The same hook for Node 20, as text, because hooks run there in their own thread. */
const HOOKS = `
let ours
export function initialize(url) { ours = url }
${inherit.toString()}
export async function resolve(specifier, context, next) {
  try {
    const resolved = await next(specifier, context)
    return { ...resolved, url: ${inherit.name}(resolved.url, specifier, context.parentURL) }
  } catch (error) {
    if (!${OWN_NAME}.test(specifier) || error.code !== 'ERR_MODULE_NOT_FOUND') throw error
    return next(specifier, { ...context, parentURL: ours })
  }
}`

let isRegistered = false

/**
 * The URL of a module that is loaded again after `loads` earlier loads. It differs for each load, because
 * Node caches modules by URL; the modules that it imports by relative paths are loaded again, too.
 */
export function loadedAgain(url: URL, loads: number): URL {
  const again = new URL(url)
  if (loads > 0) again.search = `?load=${loads}`
  return again
}

/**
 * The URL of an imported module, with the mark of {@link loadedAgain} of its importer if the path is relative.
 * The hook of Node 20 contains the text of this function, so it refers to nothing outside.
 */
function inherit(url: string, specifier: string, parent: string | undefined): string {
  const mark = /[?]load=[0-9]+$/.exec(parent ?? '')
  return mark && /^[.]{1,2}[/]/.test(specifier) && /^file:[^?#]*$/.test(url) ? url + mark[0] : url
}

/**
 * Allows NApps and backends in any folder to import `kytos-settings`: this package, unless their own folder
 * has one. Node's resolution comes first; only a name that it does not find is resolved from this package.
 */
export function allowPackageImports(): void {
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
        const resolved = next(specifier, context)
        return { ...resolved, url: inherit(resolved.url, specifier, context.parentURL) }
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
