import type { ApplyMode } from './changes.ts'

const STRICTEST_FIRST: readonly ApplyMode[] = ['never', 'restart', 'reload', 'live']

/** The strictest of several apply modes, which applies to the changes together; undefined for none. */
export function strictest(modes: readonly ApplyMode[]): ApplyMode | undefined {
  return STRICTEST_FIRST.find(mode => modes.includes(mode))
}
