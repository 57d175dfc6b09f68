import type { Settings } from '../../../events/nouns.ts'

/** The name of the controller that sees a scope, for sentences. */
export function controllerOf(scope: string): string {
  return scope.startsWith('controller:')
    ? `the controller ${scope.slice('controller:'.length)}`
    : 'this controller'
}

/** The remark on settings of another controller; empty for those of the controller that answers. */
export function assumedRemark({ assumed }: Settings, scope: string): string {
  if (!assumed) return ''
  return `Values of ${controllerOf(scope)} as far as they are stored: its environment variables are not known here.`
}
