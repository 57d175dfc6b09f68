import type { FastifyInstance, RouteOptions } from 'fastify'

/** The methods of each path of a server. Must be created before any route is added. */
export class ServedPaths {
  readonly #methods = new Map<string, Set<string>>()

  constructor(app: FastifyInstance) {
    app.addHook('onRoute', ({ method, url, config }: RouteOptions) => {
      // Routes without an operation only reject a method.
      if (!config?.operation) return
      const methods = this.#methods.get(trim(url)) ?? new Set()
      this.#methods.set(trim(url), methods)
      for (const one of [method].flat()) methods.add(one)
    })
  }

  /** The methods of the path of a URL; empty for an unknown path. */
  methodsAt(url: string): readonly string[] {
    const parts = trim(url.split('?')[0] ?? '').split('/')
    const found = new Set<string>()
    for (const [path, methods] of this.#methods) {
      if (matches(path.split('/'), parts)) for (const method of methods) found.add(method)
    }
    return [...found]
  }
}

function matches(pattern: readonly string[], parts: readonly string[]): boolean {
  return (
    pattern.length === parts.length &&
    pattern.every((part, i) => (part.startsWith(':') ? parts[i] !== '' : part === parts[i]))
  )
}

/** The path without the optional "/" at its end. */
function trim(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path
}
