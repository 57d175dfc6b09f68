import type { Backend, Listing } from '../../backends/backend.ts'
import { parseEditedBox } from '../../backends/edited-text.ts'
import type { Entry } from '../../model/document.ts'
import { isSettingsError, toSettingsError } from '../../model/errors.ts'
import { type Key, parseHistoryKey, splitKey } from '../../model/key.ts'
import { CLUSTER, type Scope } from '../../model/namespace.ts'
import { shellWord } from '../../model/quote.ts'
import type { Config } from '../boot/config.ts'
import type { DocumentState } from '../state/document-state.ts'
import { parseRecord, type StoredRecord } from '../state/record.ts'
import { Cache } from '../watcher/cache.ts'
import { META_KEY, readEpoch } from '../watcher/epoch.ts'
import { surveyStore } from '../watcher/survey.ts'
import { etcdctl, kytosSettings } from './commands.ts'
import { broken, type Examination, type Finding, warning } from './finding.ts'
import { examineOrphans } from './orphans.ts'
import { plainSecrets } from './plain-secrets.ts'

/** Examines the stored content: invalid overrides, unreadable schemas, unencrypted secrets. */
export async function examineContent(config: Config, entries: readonly Entry[]): Promise<Examination> {
  const part = 'stored content'
  try {
    readEpoch(entries.find(({ key }) => key === META_KEY))
    const cache = await cacheOf(config, config.settings.controller, entries)
    const unreadable = cache
      .takeUnreadable()
      .map(([key, why]) =>
        broken('schema.unreadable', key, why, replace(config, key, 'its NApp registers it again')),
      )
    const findings = [
      ...unreadable,
      ...examineBoxes(config, entries),
      ...examineDocuments(config, cache, [...cache.documents()]),
    ]
    for (const other of otherControllers(config.settings.controller, entries)) {
      const theirs = await cacheOf(config, other, entries)
      const own = [...theirs.documents()].filter(({ scope }) => scope !== CLUSTER)
      findings.push(...examineDocuments(config, theirs, own))
    }
    findings.push(...examineOrphans(config, cache))
    return { part, findings }
  } catch (error) {
    if (!isSettingsError(error, 'STORE_FORMAT')) throw error
    const again = `${kytosSettings(config, 'doctor')}   # after the repair`
    return { part, findings: [broken('store.format', META_KEY, error.message, again)] }
  }
}

/** The cache of a controller with this id. */
async function cacheOf(config: Config, controller: string, entries: readonly Entry[]): Promise<Cache> {
  const records = recordsByDocument(entries)
  const { strict } = config.settings
  const cache = new Cache(controller, async key => newestFirst(records.get(key) ?? []), { strict })
  const { batch } = await surveyStore(listing(entries), cache)
  await cache.apply(batch, { epoch: 1 })
  return cache
}

function otherControllers(controller: string, entries: readonly Entry[]): Set<string> {
  const ids = entries.flatMap(({ key }) => {
    const { kind, segments } = splitKey(key)
    return kind === 'controllers' ? (segments[0] ?? []) : []
  })
  const others = new Set(ids)
  others.delete(controller)
  return others
}

/** The boxes that no command can read, because another program wrote them. */
function examineBoxes(config: Config, entries: readonly Entry[]): Finding[] {
  return entries.flatMap(({ key, text }) => {
    if (splitKey(key).kind !== 'boxes') return []
    try {
      parseEditedBox(text)
      return []
    } catch (error) {
      const why = toSettingsError(error).message
      return [broken('box.unreadable', key, why, replace(config, key, 'or put a correct box there'))]
    }
  })
}

/**
 * The command that removes an unreadable document. A filesystem store is restored instead, because only a
 * service can delete one of its documents.
 */
function replace(config: Config, key: Key, note: string): string {
  const { backend } = config.settings
  if (backend === 'etcd') {
    const remove = `del ${shellWord(`${config.etcd.prefix}/${key}`)}`
    return `${etcdctl(config.etcd, config.etcd.endpoints, remove)}   # ${note}`
  }
  return kytosSettings(config, 'restore', 'FILE', '--overwrite')
}

function examineDocuments(config: Config, cache: Cache, documents: readonly DocumentState[]): Finding[] {
  return documents.flatMap(document => [
    ...examineRules(config, document),
    ...examineSecrets(config, cache, document),
  ])
}

function examineRules(config: Config, { namespace, scope, rejected, fallback }: DocumentState): Finding[] {
  const [first, ...others] = rejected
  if (!first) return []
  const more = others.length > 0 ? `, and ${others.length} more` : ''
  const ignored = rejected.filter(({ isLeftOut }) => isLeftOut).length
  const instead = fallback
    ? `version ${fallback.version} is used instead`
    : ignored === 0
      ? 'all stored values are used'
      : `${ignored} stored ${ignored === 1 ? 'value is' : 'values are'} ignored`
  const what =
    `The stored overrides (${scope}) are rejected: ${first.pointer || '/'}: ` +
    `${first.message}${more}; ${instead}.`
  return [
    broken(
      'overrides.invalid',
      namespace,
      what,
      kytosSettings(config, 'edit', namespace, ...scopeFlag(scope)),
    ),
  ]
}

function examineSecrets(config: Config, cache: Cache, { namespace, scope, data }: DocumentState): Finding[] {
  const schema = cache.schema(namespace)
  const pointers = schema ? plainSecrets(schema.schema, data ?? {}) : []
  if (pointers.length === 0) return []
  const what = `Secrets are stored unencrypted (${scope}): ${pointers.join(', ')}.`
  const unset = kytosSettings(config, 'unset', namespace, ...pointers.map(shellWord), ...scopeFlag(scope))
  const otherwise =
    'if its NApp can run without; otherwise start the service, which seals them. ' +
    'Older revisions of etcd keep them until "etcdctl compaction REVISION" and "etcdctl defrag"'
  return [warning('secret.plain', namespace, what, `${unset}   # ${otherwise}`)]
}

function scopeFlag(scope: Scope): readonly string[] {
  return scope === CLUSTER ? [] : ['--scope', scope]
}

function recordsByDocument(entries: readonly Entry[]): ReadonlyMap<Key, readonly Entry[]> {
  const groups = new Map<Key, Entry[]>()
  for (const entry of entries) {
    const document = parseHistoryKey(entry.key)?.document
    if (document === undefined) continue
    const group = groups.get(document)
    if (group) group.push(entry)
    else groups.set(document, [entry])
  }
  return groups
}

function newestFirst(records: readonly Entry[]): StoredRecord[] {
  return records.flatMap(entry => parseRecord(entry) ?? []).sort((a, b) => b.version - a.version)
}

/** A listing of these entries, in the form of a store. */
function listing(entries: readonly Entry[]): Pick<Backend, 'list'> {
  const revision = entries.reduce(
    (newest, entry) => (entry.modRevision > newest ? entry.modRevision : newest),
    0n,
  )
  async function* pages(): AsyncGenerator<readonly Entry[]> {
    yield entries
  }
  return { list: async (): Promise<Listing> => ({ revision, pages: pages() }) }
}
