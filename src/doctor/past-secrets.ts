import type { PastKey, PastText } from '../../backends/etcd/past-texts.ts'
import type { Entry } from '../../model/document.ts'
import { parseHistoryKey } from '../../model/key.ts'
import type { Config } from '../boot/config.ts'
import { chooseBackend } from '../boot/store-choice.ts'
import { MarkedPlaces } from '../secrets/marked-places.ts'
import { learn } from '../secrets/sealing-backend.ts'
import { namespaceOfKey } from '../secrets/stored-text.ts'
import { parseRecord } from '../state/record.ts'
import { parseOverrides } from '../state/stored-overrides.ts'
import { etcdctl } from './commands.ts'
import { type Examination, type Finding, warning } from './finding.ts'

/** The past revisions that are read, the newest ones. */
const MAX_READ = 2_000

/**
 * Examines whether etcd keeps secrets in plain text at revisions before they were sealed: typed with another
 * program, or stored before a schema marked them. The history names these revisions, as long as it has them.
 */
export async function examinePastSecrets(config: Config, entries: readonly Entry[]): Promise<Examination> {
  const part = 'earlier revisions'
  const places = new MarkedPlaces()
  for (const { key, text } of entries) learn(key, text, places)
  const keys = pastKeys(entries, places)
  const choice = keys.length === 0 ? undefined : await chooseBackend(config, () => {})
  if (choice?.backend !== 'etcd') return { part, findings: [] }
  const { readPastTexts } = await import('../../backends/etcd/past-texts.ts')
  const { kept, failure } = await readPastTexts(choice, keys.slice(0, MAX_READ))
  const unknown = [
    ...(failure === undefined ? [] : [`secrets in earlier revisions of etcd: ${failure}`]),
    ...(keys.length > MAX_READ
      ? [`secrets in earlier revisions of etcd: only the newest ${MAX_READ} of ${keys.length} were read`]
      : []),
  ]
  const newest = entries.reduce((last, { modRevision }) => (modRevision > last ? modRevision : last), 0n)
  return { part, findings: findingsOf(config, kept, places, newest), unknown }
}

/** The documents at the revisions of changes whose records were sealed later, the newest first. */
function pastKeys(entries: readonly Entry[], places: MarkedPlaces): readonly PastKey[] {
  return entries
    .flatMap(entry => {
      const document = parseHistoryKey(entry.key)?.document
      const namespace = document && namespaceOfKey(document)
      const record = namespace !== undefined && places.isMarked(namespace) ? parseRecord(entry) : undefined
      if (!document || !record || (record.resealed === undefined && record.actor.type !== 'file')) return []
      return [{ key: document, at: record.of }]
    })
    .sort((a, b) => Number(b.at - a.at))
}

function findingsOf(
  config: Config,
  kept: readonly PastText[],
  places: MarkedPlaces,
  newest: bigint,
): readonly Finding[] {
  const revisions = new Map<string, bigint[]>()
  for (const { key, at, text } of kept) {
    const namespace = namespaceOfKey(key) ?? ''
    const data = parseOverrides(text)
    // A text that is no JSON object may have a secret anywhere.
    if (data && !places.hasPlain(namespace, data)) continue
    revisions.set(key, [...(revisions.get(key) ?? []), at])
  }
  const compact = etcdctl(config.etcd, config.etcd.endpoints, `compaction ${newest}`)
  const defrag = etcdctl(config.etcd, config.etcd.endpoints, 'defrag')
  return [...revisions].map(([key, found]) =>
    warning(
      'secret.past',
      key,
      `etcd keeps secrets of this document in plain text at earlier revisions: ${found.join(', ')}.`,
      `${compact} && ${defrag}   # then set other secrets: each reader of etcd could see these`,
    ),
  )
}
