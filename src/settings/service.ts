import {
  parseComment,
  parseCount,
  parseData,
  parseFlag,
  parseGuard,
  parseMethod,
  parseText,
  parseValue,
} from '../../events/content.ts'
import { differences } from '../../events/differences.ts'
import type { Handlers } from '../../events/event.ts'
import type {
  CommandContent,
  Description,
  HistoryRecord,
  Settings,
  Summary,
  TransactionResult,
} from '../../events/map.ts'
import type { Actor } from '../../model/actor.ts'
import { SettingsError } from '../../model/errors.ts'
import { mergeLayers } from '../../model/merge.ts'
import {
  CLUSTER,
  type Namespace,
  overridesKey,
  parseNamespace,
  parseScope,
  type Scope,
} from '../../model/namespace.ts'
import { refuseUnknownModes } from '../schema/apply-modes.ts'
import { placesOf } from '../schema/deprecated.ts'
import { createSchemaDocument, type SchemaDocument } from '../schema/schema-document.ts'
import { refuseBroken } from '../schema/validator.ts'
import { readRecords } from '../state/document-reader.ts'
import { fileCodesByNamespace } from '../state/files.ts'
import { presentRecord, type StoredRecord } from '../state/record.ts'
import { redact } from '../state/secrets.ts'
import { explainSettings } from './explain.ts'
import { KnownNamespaces } from './known-namespaces.ts'
import { presentChanged, presentDescription, presentSettings, presentSummary, type View } from './present.ts'
import { refuseCostlyOnStored, refuseDescription } from './registered-schema.ts'
import type { Registrar } from './registrar.ts'
import { freshen } from './write/freshness.ts'
import { editBy, parseOperations } from './write/operations.ts'
import { Overrides, type OverridesOptions, type Request, requireReady } from './write/overrides.ts'
import type { Edit } from './write/plan.ts'

export interface ServiceOptions extends OverridesOptions {
  readonly registrar: Registrar
  readonly controller: string
}

const DEFAULT_HISTORY_RECORDS = 20
/** The most records one answer holds; about as many are kept. */
const MAX_HISTORY_RECORDS = 1_000
/** Rules that are broken by what is not there, or may be: overrides can still bring it. */
const ABSENCE_RULES: ReadonlySet<string> = new Set([
  'required',
  'dependentRequired',
  'minProperties',
  'anyOf',
  'oneOf',
  'if',
])

/**
 * Answers the commands `kytos.settings.*`: decides what is stored. It announces nothing: the watcher does,
 * once the store has it.
 */
export class SettingsService {
  readonly #options: ServiceOptions
  readonly #names: KnownNamespaces
  readonly #overrides: Overrides
  /** Its part of the table of handlers. */
  readonly handlers = {
    'kytos.settings.register': content => this.register(content),
    'kytos.settings.create': (content, { actor }) => this.create(content, actor),
    'kytos.settings.retrieve': content => this.retrieve(content),
    'kytos.settings.update': (content, { actor }) => this.update(content, actor),
    'kytos.settings.delete': (content, { actor }) => this.delete(content, actor),
    'kytos.settings.list': content => this.list(content),
    'kytos.settings.describe': content => this.describe(content),
    'kytos.settings.transaction': (content, { actor }) => this.transaction(content, actor),
    'kytos.settings.history': content => this.history(content),
  } satisfies Partial<Handlers>

  constructor(options: ServiceOptions) {
    this.#options = options
    this.#names = new KnownNamespaces(options.watcher)
    this.#overrides = new Overrides(options)
  }

  async register(content: CommandContent<'kytos.settings.register'>): Promise<Settings> {
    const { namespace } = this.#parse(content)
    const schema = parseData(content.schema, 'schema')
    const seed = content.seed === undefined ? {} : parseData(content.seed, 'seed')
    const version =
      content.napp_version === undefined ? undefined : parseText(content.napp_version, 'napp_version')
    refuseDescription(schema)
    const document = createSchemaDocument(schema, seed, version)
    refuseUnknownModes(schema)
    const broken = document
      .validate(mergeLayers([document.defaults, seed]))
      .filter(rule => !ABSENCE_RULES.has(rule.rule))
    refuseBroken(
      broken,
      Object.keys(seed).length > 0
        ? `The seed of "${namespace}"`
        : `The default of the schema of "${namespace}"`,
    )

    return this.#names.reserve([{ namespace, scope: CLUSTER }], async () => {
      await refuseCostlyOnStored(document, namespace, this.#options.watcher.cache)
      await this.#options.registrar.register(namespace, document)
      this.#warnOfDeprecated(namespace, document)
      return presentSettings(this.#view, namespace, CLUSTER)
    })
  }

  async create(content: CommandContent<'kytos.settings.create'>, actor: Actor): Promise<Settings> {
    const { namespace, scope, comment } = this.#parse(content)
    const data = parseData(content.data, 'data')
    const make: Edit['make'] = base => {
      if (!base.entry) return data
      throw new SettingsError(
        'DOCUMENT_EXISTS',
        `"${namespace}" already has overrides. Change them with update, or delete them first.`,
      )
    }
    return this.#changeOne({ edits: [{ namespace, scope, make }], actor, comment, dryRun: false })
  }

  async retrieve(content: CommandContent<'kytos.settings.retrieve'>): Promise<Settings> {
    const { namespace, scope } = this.#parse(content)
    const explain = parseFlag(content.explain, 'explain')
    const { backend, watcher } = this.#options
    if (parseFlag(content.fresh, 'fresh')) await freshen(backend, watcher, namespace, scope)
    this.#names.require(namespace, scope)
    if (!explain) return presentSettings(this.#view, namespace, scope)
    return explainSettings(backend, watcher.cache, namespace, () =>
      presentSettings(this.#view, namespace, scope),
    )
  }

  async update(content: CommandContent<'kytos.settings.update'>, actor: Actor): Promise<Settings> {
    const { namespace, scope, comment } = this.#parse(content)
    const method = parseMethod(content.method, ['PATCH', 'PUT', 'JSON_PATCH'], 'PATCH')
    const make = editBy(method, parseValue(content.data, 'data'))
    const expected = parseGuard(content.revision)
    return this.#changeOne({
      edits: [{ namespace, scope, expected, make }],
      actor,
      comment,
      dryRun: parseFlag(content.dry_run, 'dry_run'),
    })
  }

  async delete(content: CommandContent<'kytos.settings.delete'>, actor: Actor): Promise<Settings> {
    const { namespace, scope, comment } = this.#parse(content)
    const expected = parseGuard(content.revision)
    requireReady(this.#options.watcher)
    this.#names.require(namespace, scope)
    return this.#changeOne({
      edits: [{ namespace, scope, expected, make: editBy('DELETE', undefined) }],
      actor,
      comment,
      dryRun: false,
    })
  }

  async transaction(
    content: CommandContent<'kytos.settings.transaction'>,
    actor: Actor,
  ): Promise<TransactionResult> {
    const { watcher, controller } = this.#options
    const edits = parseOperations(content.operations, content.scope, controller)
    const comment = parseComment(content.comment)
    const dryRun = parseFlag(content.dry_run, 'dry_run')
    requireReady(watcher)
    for (const { namespace, scope, mustBeKnown } of edits)
      if (mustBeKnown) this.#names.require(namespace, scope)
    return { settings: await this.#change({ edits, actor, comment, dryRun }) }
  }

  async list(content: CommandContent<'kytos.settings.list'>): Promise<readonly Summary[]> {
    parseScope(content.scope, this.#options.controller)
    parseComment(content.comment)
    const prefix = content.prefix === undefined ? '' : parseText(content.prefix, 'prefix')
    const view = this.#view
    const files = fileCodesByNamespace(this.#options.backend.fileProblems())
    return view.cache
      .namespaces()
      .filter(namespace => namespace.startsWith(prefix))
      .map(namespace => presentSummary(view, namespace, files.get(namespace)))
  }

  async describe(content: CommandContent<'kytos.settings.describe'>): Promise<Description> {
    const { namespace } = this.#parse(content)
    return presentDescription(this.#view, namespace)
  }

  async history(content: CommandContent<'kytos.settings.history'>): Promise<readonly HistoryRecord[]> {
    const { namespace, scope } = this.#parse(content)
    const limit = parseCount(content.limit, 'limit', DEFAULT_HISTORY_RECORDS, MAX_HISTORY_RECORDS)
    const version =
      content.version === undefined
        ? undefined
        : parseCount(content.version, 'version', 1, Number.MAX_SAFE_INTEGER)
    const records = await readRecords(
      this.#options.backend,
      overridesKey(namespace, scope),
      version === undefined ? limit : MAX_HISTORY_RECORDS,
    )
    if (records.length === 0) this.#names.require(namespace, scope)
    const present = (record: StoredRecord) =>
      presentRecord({
        ...record,
        data: record.data && redact(record.data, this.#view.cache.schema(namespace)),
      })
    if (version === undefined) return records.map(present)
    const found = records.find(record => record.version === version)
    if (!found) {
      const kept =
        records.length === 0
          ? 'no version is kept'
          : `kept are ${records.at(-1)?.version} to ${records[0]?.version}`
      throw new SettingsError(
        'VERSION_NOT_FOUND',
        `The history of "${namespace}" has no version ${version}: ${kept}.`,
      )
    }
    return [present(found)]
  }

  get #view(): View {
    const { watcher } = this.#options
    return { cache: watcher.cache, epoch: watcher.cache.epoch, state: watcher.health.state }
  }

  #parse(content: { readonly namespace: string; readonly scope?: string; readonly comment?: string }): {
    readonly namespace: Namespace
    readonly scope: Scope
    readonly comment: string | undefined
  } {
    return {
      namespace: parseNamespace(content.namespace),
      scope: parseScope(content.scope, this.#options.controller),
      comment: parseComment(content.comment),
    }
  }

  /** Warns of overrides that set what the schema calls deprecated. */
  #warnOfDeprecated(namespace: Namespace, { deprecated }: SchemaDocument): void {
    if (deprecated.length === 0) return
    const { watcher, log } = this.#options
    for (const scope of [CLUSTER, watcher.cache.self]) {
      const set = differences({}, watcher.cache.document(namespace, scope)?.inForce ?? {}).map(
        ({ path }) => path,
      )
      const used = placesOf(deprecated, set)
      if (used.length > 0)
        log.warn(`The overrides of "${namespace}" (${scope}) set deprecated settings: ${used.join(', ')}.`)
    }
  }

  /** Changes one document and answers with what the settings then are. */
  async #changeOne(request: Request): Promise<Settings> {
    const [settings] = await this.#change(request)
    if (!settings) throw new RangeError('A change of one document must return one result.')
    const { scope: _, ...rest } = settings
    return rest
  }

  /** Changes overrides and answers with what the settings then are, for each document. */
  async #change(request: Request): Promise<TransactionResult['settings']> {
    requireReady(this.#options.watcher)
    // A rehearsal makes no new name, but one that could not be made is refused.
    if (request.dryRun) this.#names.check(request.edits)
    const changed = await this.#names.reserve(request.dryRun ? [] : request.edits, () =>
      this.#overrides.change(request),
    )
    return Promise.all(
      changed.map(async one => ({ ...(await presentChanged(this.#view, one)), scope: one.scope })),
    )
  }
}
