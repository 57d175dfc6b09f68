import * as nodeModule from 'node:module'

const OWN_NAME = /^kytos-settings(\/|$)/

/** The hook of Node 22.15 and later, which the types of Node 20 do not have; it runs in this thread. */
interface Resolver {
  resolve(
    specifier: string,
    context: { readonly parentURL?: string },
    next: (specifier: string, context: { readonly parentURL?: string }) => { readonly url: string },
  ): { readonly url: string }
}

/** The same for Node 20, where hooks run in a thread of their own, from their text alone. */
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
 * Lets NApps and backends in any folder import `kytos-settings`: this package, unless they bring one of their
 * own. Node's own resolution is asked first; only a name that it does not find is looked up as if this
 * package had asked.
 */
export function allowPackageImports(): void {
  if (isRegistered) return
  isRegistered = true
  // Newer versions have it, and warn of the older way.
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
