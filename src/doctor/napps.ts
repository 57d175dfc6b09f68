import { join } from 'node:path'
import { toSettingsError } from '../../model/errors.ts'
import { shellWord } from '../../model/quote.ts'
import type { Config } from '../boot/config.ts'
import { MANIFEST, SETTINGS_NAPP } from '../client/manifest.ts'
import { type BrokenNApp, discover, type FoundNApp, INSTALLED } from '../host/discover.ts'
import { describeProblem, type OrderProblem, orderNApps } from '../host/order.ts'
import { asRoot, edit, kytosSettings } from './commands.ts'
import { broken, type Examination, type Finding, hint, warning } from './finding.ts'
import { examineNAppFiles, examineNAppStates } from './napp-states.ts'
import { examineLoaded } from './orphans.ts'
import { findOtherOwner, otherUser } from './other-user.ts'
import type { RunningService } from './running.ts'

/** Examines whether the NApps can be started, in the order that their manifests require. */
export async function examineNApps(config: Config, running: RunningService): Promise<Examination> {
  const part = 'NApps'
  const { napps: root } = config.daemon
  try {
    const { napps, broken: bad } = await discover(root)
    const manifests = bad.map(napp => brokenManifest(config, napp))
    const files = await examineNAppFiles(napps)
    const states = await examineNAppStates(config, running)
    const loaded = await examineLoaded(config, running)
    const unknown = [...(states.unknown ?? []), ...(loaded.unknown ?? [])]
    return {
      part,
      ...(unknown.length > 0 && { unknown }),
      findings: [
        ...manifests,
        ...files,
        ...states.findings,
        ...loaded.findings,
        ...examineOrder(config, napps),
        ...examineSettings(config, napps),
      ],
    }
  } catch (error) {
    const other = await findOtherOwner(config, root)
    if (other) return { part, findings: [otherUser(config, other)] }
    const repair = asRoot(`chmod -R u+rwX,a+rX ${shellWord(root)}`)
    return { part, findings: [broken('napps.unreadable', root, toSettingsError(error).message, repair)] }
  }
}

function brokenManifest(config: Config, { id, enabled, error }: BrokenNApp): Finding {
  const editCommand = edit(join(config.daemon.napps, enabled ? '' : INSTALLED, id, MANIFEST))
  if (!enabled) return hint('napp.broken', id, error.message, editCommand)
  return broken(
    'napp.broken',
    id,
    error.message,
    `${kytosSettings(config, 'napps', 'disable', id)}   # or: ${editCommand}`,
  )
}

function examineOrder(config: Config, napps: readonly FoundNApp[]): Finding[] {
  const enabled = napps.filter(napp => napp.enabled)
  const candidates = enabled.map(({ id, manifest: { priority, napp_dependencies = [] } }) => ({
    id,
    priority,
    dependencies: napp_dependencies,
  }))
  const priorities = new Map(candidates.map(({ id, priority }) => [id, priority]))
  const editManifest = (id: string): string => edit(join(config.daemon.napps, id, MANIFEST))
  const problems = orderNApps(candidates).problems.map(problem => {
    if (problem.kind === 'missing')
      return warning(
        'napp.missing',
        problem.napp,
        describeProblem(problem),
        enableCommand(config, problem, napps),
      )
    const cycle = problem.cycle.slice(0, -1)
    const [first = '', second = first] = cycle
    const repair = `${editManifest(first)}   # remove ${second} from its napp_dependencies`
    return broken('napp.cycle', cycle.join(', '), describeProblem(problem), repair)
  })
  const inverted = candidates.flatMap(({ id, priority, dependencies }) =>
    dependencies.flatMap(dependency => {
      const theirs = priorities.get(dependency) ?? priority
      if (theirs <= priority) return []
      const what =
        `Its priority ${priority} is lower than ${theirs} of ${dependency}, its dependency; ` +
        'it starts after that NApp.'
      return [
        hint('napp.priority', id, what, `${editManifest(id)}   # set its priority to ${theirs} or more`),
      ]
    }),
  )
  return [...problems, ...inverted]
}

/** The command that enables a dependency, which is enough if it is installed or ships with this package. */
function enableCommand(
  config: Config,
  { dependency }: OrderProblem & { readonly kind: 'missing' },
  napps: readonly FoundNApp[],
): string {
  const enable = kytosSettings(config, 'napps', 'enable', dependency)
  if (napps.some(({ id }) => id === dependency)) return enable
  return (
    `${kytosSettings(config, 'napps', 'install', 'FOLDER')}   # FOLDER of ${dependency}; ` +
    `if it ships with this package: ${enable}`
  )
}

function examineSettings(config: Config, napps: readonly FoundNApp[]): Finding[] {
  const own = napps.find(({ id }) => id === SETTINGS_NAPP)
  if (own?.enabled || (!own && config.daemon.napps_pre_installed.includes(SETTINGS_NAPP))) return []
  const what = 'It is not enabled; the service cannot start without it.'
  return [
    broken('napp.settings', SETTINGS_NAPP, what, kytosSettings(config, 'napps', 'enable', SETTINGS_NAPP)),
  ]
}
