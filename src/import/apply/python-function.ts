/** A function of a NApp, or the statements of one of its files outside functions. */
export interface PythonFunction {
  readonly name: string
  /** True for the statements outside functions. */
  readonly isModule: boolean
  /** The last parts of its decorators' names: `listen_to` of `@listen_to('x')`. */
  readonly decorators: readonly string[]
  /** The names of the functions that it calls. */
  readonly calls: Set<string>
  /** The names of attributes that it reads: they may be properties. */
  readonly attributes: Set<string>
  /** The names that it hands to other functions: they may be callbacks. */
  readonly handsOver: Set<string>
  /** The names that it hands to something that calls them once, such as a thread. */
  readonly startsOnce: Set<string>
  readonly globals: Set<string>
}

export function createFunction(
  name: string,
  decorators: readonly string[] = [],
  isModule = false,
): PythonFunction {
  return {
    name,
    isModule,
    decorators,
    calls: new Set(),
    attributes: new Set(),
    handsOver: new Set(),
    startsOnce: new Set(),
    globals: new Set(),
  }
}

/** Functions that run when an object or NApp is made, or when a NApp starts. */
const CONSTRUCTORS: ReadonlySet<string> = new Set([
  '__init__',
  '__new__',
  '__post_init__',
  '__init_subclass__',
  'setup',
])
/** Decorators of functions that Kytos calls for each request or event. */
const ENTRY_POINTS: ReadonlySet<string> = new Set(['rest', 'listen_to', 'alisten_to', 'route'])
/** Decorators that keep what the function returned. */
const CACHES: ReadonlySet<string> = new Set(['cached_property', 'lru_cache', 'cache', 'cached', 'ttl_cache'])

/**
 * The functions of a NApp that run only while it starts, or whose results are kept: what they read is captured.
 * Functions are matched by their names only, so a function may be taken for captured that is not; the other
 * way round only if it is reached in a way that the code does not show.
 */
export function capturingFunctions(functions: readonly PythonFunction[]): ReadonlySet<PythonFunction> {
  const loops = functions.some(({ calls }) => calls.has('execute_as_loop'))
  const starts = (one: PythonFunction): boolean =>
    one.isModule ||
    CONSTRUCTORS.has(one.name) ||
    one.decorators.some(name => CACHES.has(name)) ||
    (one.name === 'execute' && !loops)
  const capturing = new Set(functions.filter(starts))
  const callers = new Map<PythonFunction, readonly PythonFunction[]>()
  for (const one of functions) {
    if (capturing.has(one) || one.decorators.some(name => ENTRY_POINTS.has(name))) continue
    if (one.name === 'execute' || one.name === 'shutdown') continue
    if (functions.some(({ handsOver }) => handsOver.has(one.name))) continue
    const isProperty = one.decorators.includes('property')
    const found = functions.filter(
      ({ calls, startsOnce, attributes }) =>
        calls.has(one.name) || startsOnce.has(one.name) || (isProperty && attributes.has(one.name)),
    )
    if (found.length > 0) callers.set(one, found)
  }
  // The largest set of functions of which each has callers in it only.
  for (const one of callers.keys()) capturing.add(one)
  for (let changed = true; changed; ) {
    changed = false
    for (const [one, found] of callers)
      if (capturing.has(one) && !found.every(caller => capturing.has(caller))) {
        capturing.delete(one)
        changed = true
      }
  }
  return capturing
}
