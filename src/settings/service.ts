import type { Backend, Operation } from '../../backends/backend.ts'
import { differences } from '../../events/differences.ts'
import type { CommandContent, Description, HistoryRecord, Settings, Summary } from '../../events/map.ts'
import type { Actor } from '../../model/actor.ts'
import { printRevision, type Revision } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import { CLUSTER, type Namespace, overridesKey, parseNamespace, parseScope, type Scope } from '../../model/namespace.ts'
import { isObject, type Json, type JsonObject } from '../../model/value.ts'
import { Turnstile } from '../turnstile.ts'
import type { Position } from '../watcher/standing.ts'
import type { Watcher } from '../watcher/watcher.ts'
import { checkFields, parseComment, parseCount, parseData, parseFlag, parseGuard, parseMethod, parseText, parseValue } from './content.ts'
import { type Base, baseRevision, readRecords } from './document-reader.ts'
import { DOCUMENT_BYTES, type DocumentWriter, type Written } from './document-writer.ts'
import { valueAt } from './exact-keywords.ts'
import { refuseExcess } from './extent.ts'
import { freshen } from './freshness.ts'
import { mergeLayers } from './layers.ts'
import { jsonPatch, mergePatch } from './patch.ts'
import { presentDescription, presentSettings, presentSummary, unknownNamespace, type View } from './present.ts'
import { presentRecord } from './record.ts'
import type { Registrar } from './registrar.ts'
import { createSchemaDocument } from './schema-document.ts'
import { seal } from './secrets.ts'
import { refuseBroken } from './validator.ts'

export interface ServiceOptions {
  readonly backend: Backend
  readonly watcher: Watcher
  readonly writer: DocumentWriter
  readonly registrar: Registrar
  readonly controller: string
  /** Refuse overrides of namespaces without a schema. */
  readonly strict: boolean
}

/** Milliseconds that a write waits for the watcher to come back before it is refused. */
const PATIENCE_UNREADY = 2_000
const COMMON = ['scope', 'comment'] as const
const HISTORY_DEFAULT = 20
/** The most records one answer holds; about as many are kept. */
const HISTORY_MOST = 1_000
/** How far back a valid version is looked for. */
const KEPT_RECORDS = 50
/** Rules that are broken by what is not there, or may be: overrides can still bring it. */
const OF_ABSENCE: ReadonlySet<string> = new Set(['required', 'dependentRequired', 'minProperties', 'anyOf', 'oneOf', 'if'])

type Content<N extends keyof typeof FIELDS> = CommandContent<`kytos.settings.${N}`>

/** What each command needs and what else it takes. */
const FIELDS = {
  register: [
    ['namespace', 'schema'],
    ['seed', 'napp_version'],
  ],
  create: [['namespace', 'data'], []],
  retrieve: [['namespace'], ['fresh']],
  update: [
    ['namespace', 'data'],
    ['method', 'revision'],
  ],
  delete: [['namespace'], ['revision']],
  list: [[], ['prefix']],
  describe: [['namespace'], []],
  history: [['namespace'], ['limit', 'version']],
} as const satisfies Record<string, readonly [readonly string[], readonly string[]]>

/** Answers the commands `kytos.settings.*`: decides what is stored. It announces nothing: the watcher does, once the store has it. */
export class SettingsService {
  readonly #options: ServiceOptions
  readonly #newNames = new Turnstile()

  constructor(options: ServiceOptions) {
    this.#options = options
  }

  async register(content: Content<'register'>): Promise<Settings> {
    const { namespace } = this.#open('register', content)
    const schema = parseData(content.schema, 'schema')
    const seed = content.seed === undefined ? {} : parseData(content.seed, 'seed')
    const version = content.napp_version === undefined ? undefined : parseText(content.napp_version, 'napp_version')
    const document = createSchemaDocument(schema, seed, version)
    const broken = document.validate(mergeLayers([document.defaults, seed])).filter(rule => !OF_ABSENCE.has(rule.rule))
    refuseBroken(broken, Object.keys(seed).length > 0 ? `The seed of "${namespace}"` : `What the schema of "${namespace}" gives by default`)

    return this.#withoutTwin(namespace, CLUSTER, async () => {
      await this.#options.registrar.register(namespace, document)
      return presentSettings(this.#view, namespace, CLUSTER)
    })
  }

  async create(content: Content<'create'>, actor: Actor): Promise<Settings> {
    const data = parseData(content.data, 'data')
    return this.#write('create', content, actor, base => {
      if (base.entry) {
        throw new SettingsError('DOCUMENT_EXISTS', `"${content.namespace}" has overrides already. Change them with update, or delete them first.`)
      }
      return data
    })
  }

  async retrieve(content: Content<'retrieve'>): Promise<Settings> {
    const { namespace, scope } = this.#open('retrieve', content)
    if (parseFlag(content.fresh, 'fresh')) await freshen(this.#options.backend, this.#options.watcher, namespace, scope)
    this.#requireKnown(namespace, scope)
    return presentSettings(this.#view, namespace, scope)
  }

  async update(content: Content<'update'>, actor: Actor): Promise<Settings> {
    const method = parseMethod(content.method, ['PATCH', 'PUT', 'JSON_PATCH'], 'PATCH')
    const data = parseValue(content.data, 'data')
    if (method !== 'JSON_PATCH' && !isObject(data)) throw new SettingsError('CONTENT_MALFORMED', `"data" of ${method} must be a JSON object.`)
    return this.#write('update', content, actor, (_base, before) => {
      if (method === 'PUT') return asOverrides(data)
      return asOverrides(method === 'PATCH' ? mergePatch(before, data) : jsonPatch(before, data))
    })
  }

  async delete(content: Content<'delete'>, actor: Actor): Promise<Settings> {
    return this.#write('delete', content, actor, () => undefined)
  }

  async list(content: Content<'list'>): Promise<readonly Summary[]> {
    checkFields('kytos.settings.list', content, ...fields('list'))
    parseScope(content.scope, this.#options.controller)
    parseComment(content.comment)
    const prefix = content.prefix === undefined ? '' : parseText(content.prefix, 'prefix')
    const view = this.#view
    return view.cache
      .namespaces()
      .filter(namespace => namespace.startsWith(prefix))
      .map(namespace => presentSummary(view, namespace))
  }

  async describe(content: Content<'describe'>): Promise<Description> {
    const { namespace } = this.#open('describe', content)
    return presentDescription(this.#view, namespace)
  }

  async history(content: Content<'history'>): Promise<readonly HistoryRecord[]> {
    const { namespace, scope } = this.#open('history', content)
    const limit = parseCount(content.limit, 'limit', HISTORY_DEFAULT, HISTORY_MOST)
    const version = content.version === undefined ? undefined : parseCount(content.version, 'version', 1, Number.MAX_SAFE_INTEGER)
    const records = await readRecords(this.#options.backend, overridesKey(namespace, scope), version === undefined ? limit : HISTORY_MOST)
    if (records.length === 0) this.#requireKnown(namespace, scope)
    if (version === undefined) return records.map(presentRecord)
    const found = records.find(record => record.version === version)
    if (!found) {
      const kept = records.length === 0 ? 'there are none' : `kept are ${records.at(-1)?.version} to ${records[0]?.version}`
      throw new SettingsError('VERSION_UNKNOWN', `"${namespace}" has no version ${version} in its history: ${kept}.`)
    }
    return [presentRecord(found)]
  }

  get #view(): View {
    const { watcher } = this.#options
    return { cache: watcher.cache, epoch: watcher.cache.epoch, state: watcher.health.state }
  }

  #open(
    command: keyof typeof FIELDS,
    content: { readonly namespace: string; readonly scope?: string; readonly comment?: string },
  ): { namespace: Namespace; scope: Scope; comment: string | undefined } {
    checkFields(`kytos.settings.${command}`, content, ...fields(command))
    return {
      namespace: parseNamespace(content.namespace),
      scope: parseScope(content.scope, this.#options.controller),
      comment: parseComment(content.comment),
    }
  }

  async #write(
    command: 'create' | 'update' | 'delete',
    content: { readonly namespace: string; readonly scope?: string; readonly comment?: string; readonly revision?: string },
    actor: Actor,
    change: (base: Base, before: JsonObject) => JsonObject | undefined,
  ): Promise<Settings> {
    const { namespace, scope, comment } = this.#open(command, content)
    const expected = parseGuard(content.revision)
    const { backend, watcher, writer } = this.#options
    await this.#requireReady()
    if (command === 'delete') this.#requireKnown(namespace, scope)
    if (expected !== undefined && watcher.cache.namespaceRevision(namespace) !== expected) await freshen(backend, watcher, namespace, scope)

    return this.#withoutTwin(namespace, scope, async () => {
      let before: JsonObject = {}
      const { position } = watcher
      const written = await writer.write({
        key: overridesKey(namespace, scope),
        actor,
        comment,
        once: expected !== undefined,
        conditions: () => (expected === undefined ? [] : this.#otherDocuments(namespace, scope)),
        make: async base => {
          if (expected !== undefined) this.#refuseOther(namespace, scope, base, expected)
          before = base.data ?? (base.entry ? await this.#lastValid(namespace, scope) : {})
          const next = change(base, before)
          if (next === undefined) return undefined
          refuseExcess(next, `The overrides of "${namespace}"`, DOCUMENT_BYTES)
          this.#refuseInvalid(namespace, scope, next)
          return seal(next, watcher.cache.schema(namespace))
        },
      })
      return this.#answer(namespace, scope, before, written, position)
    })
  }

  /** What counts in the place of stored overrides that are no JSON object: what a patch of them has to start from. */
  async #lastValid(namespace: Namespace, scope: Scope): Promise<JsonObject> {
    const { backend, watcher } = this.#options
    const records = await readRecords(backend, overridesKey(namespace, scope), KEPT_RECORDS)
    return records.find(({ data }) => data && watcher.cache.validate(namespace, scope, data).length === 0)?.data ?? {}
  }

  async #answer(namespace: Namespace, scope: Scope, before: JsonObject, written: Written, position: Position): Promise<Settings> {
    const { watcher } = this.#options
    const observed = !written.committed || (await watcher.passed(written.revision, position))
    const shadowed = scope === CLUSTER ? hiddenBy(watcher.cache.document(namespace, watcher.cache.self)?.inForce, before, written.data ?? {}) : []
    return {
      ...presentSettings(this.#view, namespace, scope, written),
      ...(observed ? {} : { observed }),
      ...(shadowed.length > 0 ? { shadowed } : {}),
    }
  }

  async #requireReady(): Promise<void> {
    const { watcher } = this.#options
    if (await watcher.ready(PATIENCE_UNREADY)) return
    throw new SettingsError(
      'STORE_STALE',
      `Nothing can be changed while the store is away (${watcher.health.reason ?? watcher.health.state}). Nothing was written; try again.`,
      {
        details: { state: watcher.health.state },
      },
    )
  }

  #isKnown(namespace: Namespace, scope: Scope): boolean {
    const { cache } = this.#options.watcher
    if (cache.schema(namespace)) return true
    return [CLUSTER, cache.self, scope].some(one => cache.document(namespace, one)?.entry !== undefined)
  }

  #requireKnown(namespace: Namespace, scope: Scope): void {
    if (!this.#isKnown(namespace, scope)) throw unknownNamespace(this.#options.watcher.cache, namespace)
  }

  /** Lets new names in one after the other, case ignored: of two twins that come at the same time the second one finds the first. */
  async #withoutTwin(namespace: Namespace, scope: Scope, work: () => Promise<Settings>): Promise<Settings> {
    if (this.#isKnown(namespace, scope)) return work()
    const first = await this.#newNames.run(namespace.toLowerCase(), async () => {
      if (this.#isKnown(namespace, scope)) return undefined
      this.#refuseTwin(namespace)
      return work()
    })
    return first ?? work()
  }

  #refuseTwin(namespace: Namespace): void {
    const { cache } = this.#options.watcher
    const twin = cache.namespaces().find(other => other !== namespace && other.toLowerCase() === namespace.toLowerCase())
    if (!twin) return
    throw new SettingsError('NAMESPACE_TWIN', `"${namespace}" differs from the existing "${twin}" only in case. Use "${twin}".`, {
      details: { got: namespace, nearest: twin },
    })
  }

  #refuseInvalid(namespace: Namespace, scope: Scope, overrides: JsonObject): void {
    const { cache } = this.#options.watcher
    if (!cache.schema(namespace) && this.#options.strict) {
      throw new SettingsError(
        'SCHEMA_REQUIRED',
        `"${namespace}" has no schema, and [settings] strict = true allows no free-form settings. Register its schema first.`,
      )
    }
    refuseBroken(cache.validate(namespace, scope, overrides), `"${namespace}"`)
  }

  #refuseOther(namespace: Namespace, scope: Scope, base: Base, expected: Revision): void {
    const { cache } = this.#options.watcher
    const own = scope === CLUSTER || scope === cache.self ? baseRevision(base) : 0n
    const cached = cache.namespaceRevision(namespace)
    const actual = own > cached ? own : cached
    if (actual === expected) return
    throw new SettingsError(
      'REVISION_MISMATCH',
      `"${namespace}" is at revision ${actual}, not ${expected}: somebody changed it. Read it again, then decide.`,
      {
        details: { got: printRevision(expected), expected: printRevision(actual) },
      },
    )
  }

  /** Guards on the documents that count for `Settings.revision` and are not written. */
  #otherDocuments(namespace: Namespace, scope: Scope): readonly Operation[] {
    const { cache } = this.#options.watcher
    return [CLUSTER, cache.self]
      .filter(other => other !== scope)
      .map(other => ({ key: overridesKey(namespace, other), check: true, expected: cache.document(namespace, other)?.entry?.revision ?? 'absent' }))
  }
}

function fields(command: keyof typeof FIELDS): [readonly string[], readonly string[]] {
  const [required, optional] = FIELDS[command]
  return [required, [...optional, ...COMMON]]
}

function asOverrides(value: Json): JsonObject {
  if (!isObject(value)) throw new SettingsError('CONTENT_MALFORMED', 'The overrides would no longer be a JSON object.')
  return value
}

/** Pointers of what changed that a higher layer has a value for. */
function hiddenBy(higher: JsonObject | undefined, before: JsonObject, after: JsonObject): string[] {
  if (!higher) return []
  return differences(before, after)
    .map(change => change.path)
    .filter(path => isHidden(higher, path))
}

/** True when the layer has a value at the path, or one on the way there that no member can shine through. */
function isHidden(higher: JsonObject, path: string): boolean {
  const onTheWay = [...path.matchAll(/\//g)].slice(1).map(({ index }) => path.slice(0, index))
  return valueAt(higher, path) !== undefined || onTheWay.some(ancestor => !isObject(valueAt(higher, ancestor) ?? {}))
}
