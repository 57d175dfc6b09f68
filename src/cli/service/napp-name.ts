import type { Summary } from '../../../events/nouns.ts'
import { SettingsError } from '../../../model/errors.ts'
import { nearest } from '../../../model/nearest.ts'

/** The content of a command, or one operation of a transaction. */
interface Named {
  readonly namespace?: unknown
  readonly operations?: readonly Named[]
}

/** The names in a content in place of an id: those without a username. */
export function namesIn({ namespace, operations = [] }: Named): readonly string[] {
  const own = typeof namespace === 'string' && namespace !== '' && !namespace.includes('/') ? [namespace] : []
  return [...own, ...operations.flatMap(namesIn)]
}

/** A content with the ids of its names. */
export function withIds<Content extends Named>(content: Content, ids: ReadonlyMap<string, string>): Content {
  const { namespace, operations } = content
  const id = typeof namespace === 'string' ? ids.get(namespace) : undefined
  return {
    ...content,
    ...(id !== undefined && { namespace: id }),
    ...(operations && { operations: operations.map(one => withIds(one, ids)) }),
  }
}

/**
 * The id of the only known NApp with this name.
 * @throws SettingsError NAMESPACE_MALFORMED for the name of several NApps; NAMESPACE_NOT_FOUND without one.
 */
export function idOfName(name: string, summaries: readonly Pick<Summary, 'namespace'>[]): string {
  const ids = summaries.map(({ namespace }) => namespace).filter(id => id.endsWith(`/${name}`))
  if (ids.length > 1)
    throw new SettingsError(
      'NAMESPACE_MALFORMED',
      `"${name}" is the name of several NApps: ${ids.join(', ')}. Use one of these ids.`,
      { details: { got: name, expected: ids } },
    )
  const [id] = ids
  if (id !== undefined) return id
  const names = summaries.map(({ namespace }) => namespace.split('/')[1] ?? '')
  const near = nearest(name, names)
  throw new SettingsError(
    'NAMESPACE_NOT_FOUND',
    `No known NApp has the name "${name}".${near === undefined ? '' : ` Did you mean ${near}?`} A NApp that is not known yet needs its id "username/name".`,
    { details: { got: name, ...(near !== undefined && { nearest: near }) } },
  )
}
