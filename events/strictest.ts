import type { ApplyMode } from './changes.ts'

const STRICTEST_FIRST: readonly ApplyMode[] = ['never', 'restart', 'reload', 'live']

/** The mode that asks most of a NApp, which is what several changes together ask; undefined for none. */
export function strictest(modes: readonly ApplyMode[]): ApplyMode | undefined {
  return STRICTEST_FIRST.find(mode => modes.includes(mode))
}
