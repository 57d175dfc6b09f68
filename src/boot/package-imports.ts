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
export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context)
  } catch (error) {
    if (!${OWN_NAME}.test(specifier) || error.code !== 'ERR_MODULE_NOT_FOUND') throw error
    return next(specifier, { ...context, parentURL: ours })
  }
}`

let isRegistered = false

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
        return next(specifier, context)
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
