import { toSettingsError } from '../../model/errors.ts'
import type { Config } from '../boot/config.ts'
import { discover, type FoundNApp } from '../host/discover.ts'
import { SETTINGS_NAPP } from '../host/manifest.ts'
import { describeProblem, orderNApps } from '../host/order.ts'
import { broken, type Examined, type Finding, hint, warning } from './finding.ts'

/** Whether the NApps can be started, and in the order that their manifests ask for. */
export async function examineNApps({ daemon }: Config): Promise<Examined> {
  try {
    const { napps, broken: bad } = await discover(daemon.napps)
    const enabled = napps.filter(napp => napp.enabled)
    const manifests = bad.map(({ id, enabled: used, error }) =>
      (used ? broken : hint)(
        'napp.broken',
        id,
        error.message,
        used ? `kytos-settings napps disable ${id}   # until it is mended` : 'Mend or remove it.',
      ),
    )
    return { part: 'NApps', findings: [...manifests, ...examineOrder(enabled), ...examineSettings(napps, daemon)] }
  } catch (error) {
    return { part: 'NApps', findings: [broken('napps.unreadable', daemon.napps, toSettingsError(error).message, `ls -ld ${daemon.napps}`)] }
  }
}

function examineOrder(enabled: readonly FoundNApp[]): Finding[] {
  const candidates = enabled.map(({ id, manifest: { priority, napp_dependencies = [] } }) => ({ id, priority, dependencies: napp_dependencies }))
  const priorities = new Map(candidates.map(({ id, priority }) => [id, priority]))
  const problems = orderNApps(candidates).problems.map(problem =>
    problem.kind === 'missing'
      ? warning('napp.missing', problem.napp, describeProblem(problem), `kytos-settings napps enable ${problem.dependency}`)
      : broken(
          'napp.cycle',
          problem.cycle.slice(0, -1).join(', '),
          describeProblem(problem),
          `Take one of them out of napp_dependencies in napp.json.`,
        ),
  )
  const inverted = candidates.flatMap(({ id, priority, dependencies }) =>
    dependencies
      .filter(dependency => (priorities.get(dependency) ?? priority) > priority)
      .map(dependency =>
        hint(
          'napp.priority',
          id,
          `Its priority ${priority} asks for a start before ${dependency} (${priorities.get(dependency)}), on which it depends: it starts after it.`,
          `Give it a priority of ${priorities.get(dependency)} or more in napp.json.`,
        ),
      ),
  )
  return [...problems, ...inverted]
}

function examineSettings(napps: readonly FoundNApp[], { napps_pre_installed }: Config['daemon']): Finding[] {
  const own = napps.find(({ id }) => id === SETTINGS_NAPP)
  if (own?.enabled || (!own && napps_pre_installed.includes(SETTINGS_NAPP))) return []
  const repair = own ? `kytos-settings napps enable ${SETTINGS_NAPP}` : `Add "${SETTINGS_NAPP}" to napps_pre_installed in kytos.ini.`
  return [broken('napp.settings', SETTINGS_NAPP, 'It is not enabled, and nothing starts without it.', repair)]
}
