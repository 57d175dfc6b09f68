import type { Summary } from '../../events/nouns.ts'
import { toSettingsError } from '../../model/errors.ts'
import type { Config } from '../boot/config.ts'
import { overridesByController } from '../settings/known-controllers.ts'
import type { Cache } from '../watcher/cache.ts'
import { schemaInUse } from '../watcher/schema-versions.ts'
import { kytosSettings } from './commands.ts'
import { type Examination, type Finding, hint, warning } from './finding.ts'
import { askList, type RunningService } from './running.ts'

/** The findings of one code that name a place each; the last of them counts the others. */
const MAX_NAMED = 10

/** Reports overrides that no controller may use, and schemas of versions that no NApp may use. */
export function examineOrphans(config: Config, cache: Cache): readonly Finding[] {
  return [...examineControllers(config, cache), ...examineVersions(config, cache)]
}

/**
 * Overrides of other controllers. In a folder they are useless, because only this controller can open it. In
 * a shared store they are reported while this controller has none, as after a rename.
 */
function examineControllers(config: Config, cache: Cache): readonly Finding[] {
  const self = config.settings.controller
  const known = overridesByController(cache)
  const hasOwn = (known.get(self) ?? []).length > 0
  const isAlone = config.settings.backend === 'filesystem'
  if (hasOwn && !isAlone) return []
  const others = [...known].filter(([id, namespaces]) => id !== self && namespaces.length > 0)
  return limited(others, ([id, namespaces], more) => {
    const [first = ''] = namespaces
    const own = hasOwn ? '' : `; this controller, "${self}", has none`
    const what = `This controller id has overrides of ${namespaces.join(', ')}${own}.${more}`
    const rename = kytosSettings(config, 'controllers', 'rename', id, self)
    const remove = kytosSettings(config, 'delete', first, '--scope', `controller:${id}`)
    const repair = hasOwn ? `${remove}   # if it is not used any more` : `${rename}   # if it was renamed`
    return (isAlone && !hasOwn ? warning : hint)('controller.unseen', id, what, repair)
  })
}

/** Namespaces with schemas of several versions, of which one counts wherever no NApp registers its own. */
function examineVersions(config: Config, cache: Cache): readonly Finding[] {
  const several = cache.namespaces().flatMap(namespace => {
    const versions = cache.schemaVersions(namespace)
    const best = schemaInUse({ ...versions, registered: [] })
    const count = [...versions.stored.values()].filter(({ isSchema }) => isSchema).length
    return best && count > 1 ? [{ namespace, best, count }] : []
  })
  return limited(several, ({ namespace, best: { nappVersion, digest }, count }, more) => {
    const version = nappVersion === undefined ? 'one without a version' : `that of version ${nappVersion}`
    const what = `${count} schemas are stored. Where no NApp registered one, ${version} is in use.${more}`
    const remove = kytosSettings(config, 'schema', 'remove', namespace, '--digest', digest, '--force')
    return hint('schema.versions', namespace, what, `${remove}   # if that version was only tried`)
  })
}

/** Examines which namespaces no NApp of the running service uses. */
export async function examineLoaded(
  config: Config,
  { service }: RunningService,
): Promise<Pick<Examination, 'findings' | 'unknown'>> {
  if (!service) return { findings: [] }
  let summaries: readonly Summary[]
  try {
    summaries = await askList(service)
  } catch (error) {
    const why = toSettingsError(error).message
    return { findings: [], unknown: [`which settings a NApp uses: the service did not list them (${why})`] }
  }
  const unused = summaries.filter(({ loaded = true }) => !loaded)
  const findings = limited(unused, ({ namespace, overrides, schema }, more) => {
    const what = `No NApp of this controller uses these settings; another controller or program may.${more}`
    const deletion = kytosSettings(config, 'delete', namespace)
    const removal = kytosSettings(config, 'schema', 'remove', namespace, '--force')
    const commands = [...(overrides ? [deletion] : []), ...(schema ? [removal] : [])]
    const repair = commands.join(' && ') || kytosSettings(config, 'controllers')
    return hint('napp.not_loaded', namespace, what, `${repair}   # if its NApp was removed`)
  })
  return { findings }
}

/** A finding for each of the first places; `more` is a sentence about the others, for the last of them. */
function limited<One>(places: readonly One[], find: (one: One, more: string) => Finding): Finding[] {
  const others = places.length - MAX_NAMED
  return places
    .slice(0, MAX_NAMED)
    .map((one, i) =>
      find(one, i === MAX_NAMED - 1 && others > 0 ? ` The same holds for ${others} more.` : ''),
    )
}
