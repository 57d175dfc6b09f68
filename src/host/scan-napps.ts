import type { SettingsError } from '../../model/errors.ts'
import { discover, type FoundNApp } from './discover.ts'
import { describeProblem, orderNApps } from './order.ts'

/** The enabled NApps of a tree. */
export interface Scan {
  /** The valid ones, in the order of their start. */
  readonly wanted: readonly FoundNApp[]
  /** The broken ones, by id. */
  readonly broken: ReadonlyMap<string, SettingsError>
  /** The problems of both, one sentence each. */
  readonly messages: readonly string[]
}

/** Reads and orders the enabled NApps of a tree. @throws SettingsError CONFIG_INVALID. */
export async function scanNApps(root: string): Promise<Scan> {
  const { napps, broken } = await discover(root)
  const enabled = new Map(napps.filter(napp => napp.enabled).map(napp => [napp.id, napp]))
  const { ids, problems } = orderNApps(
    [...enabled.values()].map(({ id, manifest: { priority, napp_dependencies = [] } }) => ({
      id,
      priority,
      dependencies: napp_dependencies,
    })),
  )
  const brokenEnabled = broken.filter(napp => napp.enabled)
  return {
    wanted: ids.flatMap(id => enabled.get(id) ?? []),
    broken: new Map(brokenEnabled.map(napp => [napp.id, napp.error])),
    messages: [...brokenEnabled.map(napp => napp.error.message), ...problems.map(describeProblem)],
  }
}
