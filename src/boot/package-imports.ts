import { register } from 'node:module'

/**
 * Asks Node's own resolution first, so that a package of the module's own counts; only what it does not find is looked
 * up as if this package itself had asked. Node runs it beside the program, from its text alone.
 */
const HOOKS = `
let ours
export function initialize(url) { ours = url }
export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context)
  } catch (error) {
    if (!/^kytos-settings(\\/|$)/.test(specifier) || error.code !== 'ERR_MODULE_NOT_FOUND') throw error
    return next(specifier, { ...context, parentURL: ours })
  }
}`

let isDone = false

/** Lets NApps and backends in any folder import `kytos-settings`: this package, unless they bring one of their own. */
export function allowPackageImports(): void {
  if (isDone) return
  isDone = true
  register(`data:text/javascript,${encodeURIComponent(HOOKS)}`, { data: import.meta.url })
}
