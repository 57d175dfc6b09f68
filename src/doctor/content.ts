import type { Backend, Listing } from '../../backends/backend.ts'
import type { Entry } from '../../model/document.ts'
import { toSettingsError } from '../../model/errors.ts'
import { type Key, parseHistoryKey } from '../../model/key.ts'
import type { Config } from '../boot/config.ts'
import { parseRecord, type StoredRecord } from '../settings/record.ts'
import { Cache } from '../watcher/cache.ts'
import { META_KEY, readEpoch } from '../watcher/epoch.ts'
import { surveyStore } from '../watcher/survey.ts'
import { broken, type Examined, type Finding, warning } from './finding.ts'
import { plainSecrets } from './plain-secrets.ts'

/** Whether what a store holds can be used: overrides that do not validate, schemas that cannot be read, secrets in the clear. */
export async function examineContent({ settings: { controller }, file }: Config, entries: readonly Entry[]): Promise<Examined> {
  const part = 'what is stored'
  try {
    const epoch = readEpoch(entries.find(({ key }) => key === META_KEY))
    const cache = new Cache(controller, async key => historyOf(entries, key))
    const { batch } = await surveyStore(listing(entries), cache)
    await cache.apply(batch, { epoch: Math.max(1, epoch) })
    const unreadable = cache
      .takeUnreadable()
      .map(([key, why]) => broken('schema.unreadable', key, why, `Delete it in the store; its NApp registers it again.`))
    return { part, findings: [...unreadable, ...rejected(cache), ...secrets(cache, file)] }
  } catch (error) {
    const { message, code } = toSettingsError(error)
    return {
      part,
      findings: [broken(code === 'STORE_FORMAT' ? 'store.format' : 'store.unreadable', 'meta/store', message, 'See what the message says.')],
    }
  }
}

function rejected(cache: Cache): Finding[] {
  return [...cache.documents()]
    .filter(document => document.rejected.length > 0)
    .map(({ namespace, scope, rejected: rules, fallback }) => {
      const [first] = rules
      const more = rules.length > 1 ? `, and ${rules.length - 1} more` : ''
      const instead = fallback ? `version ${fallback.version} counts in their place` : 'nothing counts in their place'
      const what = `The stored overrides (${scope}) do not validate: ${first?.pointer || '/'}: ${first?.message}${more}; ${instead}.`
      return broken('overrides.invalid', namespace, what, `kytos-settings edit ${namespace}${scope === 'cluster' ? '' : ` --scope ${scope}`}`)
    })
}

function secrets(cache: Cache, file: string): Finding[] {
  return cache.namespaces().flatMap(namespace => {
    const schema = cache.schema(namespace)
    const stored = [...cache.documents()].filter(document => document.namespace === namespace)
    const pointers = schema ? stored.flatMap(({ data }) => plainSecrets(schema.schema, data ?? {})) : []
    if (pointers.length === 0) return []
    const what = `Secrets are stored as they are, not sealed: ${[...new Set(pointers)].join(', ')}.`
    return [
      warning(
        'secret.plain',
        namespace,
        what,
        `Keep the store and its backups from others; where this release has it: kytos-settings reseal -c ${file}`,
      ),
    ]
  })
}

function historyOf(entries: readonly Entry[], document: Key): StoredRecord[] {
  const records = entries.filter(({ key }) => parseHistoryKey(key)?.document === document)
  return records.flatMap(entry => parseRecord(entry) ?? []).sort((a, b) => b.version - a.version)
}

/** Entries as a store would list them. */
function listing(entries: readonly Entry[]): Pick<Backend, 'list'> {
  const revision = entries.reduce((newest, entry) => (entry.revision > newest ? entry.revision : newest), 0n)
  async function* pages(): AsyncGenerator<readonly Entry[]> {
    yield entries
  }
  return { list: async (): Promise<Listing> => ({ revision, pages: pages() }) }
}
