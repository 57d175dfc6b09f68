/** Methods that keep their arguments in the object. */
const KEEPING: ReadonlySet<string> = new Set([
  'append',
  'appendleft',
  'add',
  'insert',
  'extend',
  'update',
  'setdefault',
  'put',
])
/** Functions that call an argument once. */
const STARTING_ONCE: ReadonlySet<string> = new Set([
  'Thread',
  'Process',
  'Timer',
  'submit',
  'run_in_executor',
  'create_task',
  'ensure_future',
  'run_coroutine_threadsafe',
  'call_soon_threadsafe',
  'call_later',
])

/** True for the name of a method that keeps its arguments in its object, such as `append`. */
export function keepsArguments(method: string): boolean {
  return KEEPING.has(method)
}

/** True for a function that calls one of its arguments once, such as `Thread`. */
export function startsOnce(called: string): boolean {
  return STARTING_ONCE.has(called)
}
