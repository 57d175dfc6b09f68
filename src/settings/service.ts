import {
  parseComment,
  parseConfirmWithin,
  parseCount,
  parseData,
  parseFlag,
  parseGuard,
  parseMethod,
  parseParts,
  parseText,
  parseValue,
} from '../../events/content.ts'
import type { Handler, Handlers } from '../../events/event.ts'
import type { CommandContent } from '../../events/map.ts'
import type {
  Description,
  HistoryRecord,
  RemovedSchemas,
  Settings,
  Summary,
  TransactionResult,
} from '../../events/nouns.ts'
import { SettingsError } from '../../model/errors.ts'
import { CLUSTER, type Namespace, parseNamespace, parseScope, type Scope } from '../../model/namespace.ts'
import type { Json } from '../../model/value.ts'
import { withRemaining } from '../pending/remaining.ts'
import { fileCodesByNamespace } from '../state/files.ts'
import { explainSettings } from './explain.ts'
import { DEFAULT_HISTORY_RECORDS, MAX_HISTORY_RECORDS, readHistory } from './history.ts'
import { warningOfScope } from './known-controllers.ts'
import { KnownNamespaces } from './known-namespaces.ts'
import { presentChanged, presentDescription, presentSettings, type View, withWarning } from './present.ts'
import { presentList } from './present-list.ts'
import { refuseCostlyOnStored } from './registered-schema.ts'
import type { Registrar } from './registrar.ts'
import { parseRegistration, warnOfDeprecated, warnOfKeywords } from './registration.ts'
import { countSchemaGuesses } from './schema-guesses.ts'
import { parseDigest, removeSchemas } from './schema-removal.ts'
import { Existence } from './write/existence.ts'
import { freshen } from './write/freshness.ts'
import { editBy, parseOperations } from './write/operations.ts'
import { Overrides, type OverridesOptions, type OverridesRequest } from './write/overrides.ts'
import type { OverridesEdit } from './write/plan.ts'
import { requireReady } from './write/ready.ts'
import { guardTests } from './write/secret-changes.ts'
import { visibleNamespaces } from './write/unknown-namespace.ts'

export interface ServiceOptions extends OverridesOptions {
  readonly registrar: Registrar
  readonly controller: string
}

/** The sender of a command. */
type Sender = Parameters<Handler<'kytos.settings.update'>>[1]

/** The sender as a change has it. */
function senderOf({ actor, mayReadSecrets }: Sender) {
  return { actor, mayReadSecrets }
}

/**
 * Answers the commands `kytos.settings.*` and decides what is stored. It announces nothing, because the
 * watcher does so once the store has the change.
 */
export class SettingsService {
  readonly #options: ServiceOptions
  readonly #names: KnownNamespaces
  readonly #existence: Existence
  readonly #overrides: Overrides
  /** The handlers of this service, by command. */
  readonly handlers = {
    'kytos.settings.register': (content, caller) => this.register(content, caller),
    'kytos.settings.create': (content, caller) => this.create(content, caller),
    'kytos.settings.retrieve': content => this.retrieve(content),
    'kytos.settings.update': (content, caller) => this.update(content, caller),
    'kytos.settings.delete': (content, caller) => this.delete(content, caller),
    'kytos.settings.list': content => this.list(content),
    'kytos.settings.describe': content => this.describe(content),
    'kytos.settings.remove_schema': (content, { actor }) => this.removeSchema(content, actor),
    'kytos.settings.transaction': (content, caller) => this.transaction(content, caller),
    'kytos.settings.history': content => this.history(content),
  } satisfies Partial<Handlers>

  constructor(options: ServiceOptions) {
    this.#options = options
    this.#names = new KnownNamespaces(options.watcher)
    this.#existence = new Existence(options.backend, options.watcher)
    this.#overrides = new Overrides(options)
  }

  async register(
    content: CommandContent<'kytos.settings.register'>,
    { actor, mayReadSecrets }: Pick<Sender, 'actor' | 'mayReadSecrets'>,
  ): Promise<Settings> {
    const { namespace } = this.#parse(content)
    const document = parseRegistration(namespace, content)
    const { registrar, watcher, log, secrets } = this.#options
    const isKnown = watcher.cache.hasStoredSchema(namespace, document.digest)
    if (!mayReadSecrets && !isKnown) countSchemaGuesses(namespace, document, actor, secrets)
    return this.#names.reserve([{ namespace, scope: CLUSTER }], async () => {
      await refuseCostlyOnStored(document, namespace, watcher.cache)
      await registrar.register(namespace, document, actor)
      warnOfDeprecated(namespace, document, watcher.cache, log)
      const warnings = warnOfKeywords(namespace, document, log)
      const settings = await this.#present(namespace, CLUSTER)
      return { ...settings, ...(warnings.length > 0 && { warnings }) }
    })
  }

  async create(content: CommandContent<'kytos.settings.create'>, caller: Sender): Promise<Settings> {
    const { namespace, scope, comment } = this.#parse(content)
    const data = parseData(content.data, 'data')
    const make: OverridesEdit['make'] = base => {
      if (!base.entry) return data
      throw new SettingsError(
        'DOCUMENT_EXISTS',
        `"${namespace}" already has overrides. Change them with update, or delete them first.`,
      )
    }
    return this.#changeOne({
      edits: [{ namespace, scope, make }],
      ...senderOf(caller),
      comment,
      dryRun: false,
    })
  }

  async retrieve(content: CommandContent<'kytos.settings.retrieve'>): Promise<Settings> {
    const { namespace, scope } = this.#parse(content)
    const explain = parseFlag(content.explain, 'explain')
    const { backend, watcher } = this.#options
    if (parseFlag(content.fresh, 'fresh')) await freshen(backend, watcher, namespace, scope)
    this.#names.require(namespace, scope)
    const settings = explain
      ? explainSettings(backend, watcher.cache, { namespace, scope }, seen =>
          presentSettings(this.#view, namespace, scope, seen),
        )
      : this.#present(namespace, scope)
    const answer = withWarning(await settings, warningOfScope(watcher.cache, scope))
    return content.fresh ? withRemaining(backend, answer) : answer
  }

  async update(content: CommandContent<'kytos.settings.update'>, caller: Sender): Promise<Settings> {
    const { namespace, scope, comment } = this.#parse(content)
    const method = parseMethod(content.method, ['PATCH', 'PUT', 'JSON_PATCH'], 'PATCH')
    const data = parseValue(content.data, 'data')
    const make = editBy(method, this.#guardTests(namespace, method, data, caller))
    const expected = parseGuard(content.revision)
    return this.#changeOne({
      edits: [{ namespace, scope, expected, make }],
      ...senderOf(caller),
      comment,
      dryRun: parseFlag(content.dry_run, 'dry_run'),
      confirmWithin: parseConfirmWithin(content.confirm_within),
    })
  }

  async delete(content: CommandContent<'kytos.settings.delete'>, caller: Sender): Promise<Settings> {
    const { namespace, scope, comment } = this.#parse(content)
    const expected = parseGuard(content.revision)
    return this.#changeOne({
      edits: [{ namespace, scope, expected, mustBeKnown: true, make: editBy('DELETE', undefined) }],
      ...senderOf(caller),
      comment,
      dryRun: false,
      confirmWithin: parseConfirmWithin(content.confirm_within),
    })
  }

  async transaction(
    content: CommandContent<'kytos.settings.transaction'>,
    caller: Sender,
  ): Promise<TransactionResult> {
    const edits = parseOperations(content.operations, content.scope, this.#options.controller, (...args) =>
      this.#guardTests(...args, caller),
    )
    const comment = parseComment(content.comment)
    const dryRun = parseFlag(content.dry_run, 'dry_run')
    const confirmWithin = parseConfirmWithin(content.confirm_within)
    const request = { edits, ...senderOf(caller), comment, dryRun, confirmWithin }
    return { settings: await this.change(request) }
  }

  async list(content: CommandContent<'kytos.settings.list'>): Promise<readonly Summary[]> {
    parseScope(content.scope, this.#options.controller)
    parseComment(content.comment)
    const prefix = content.prefix === undefined ? '' : parseText(content.prefix, 'prefix')
    const include = parseParts(content.include)
    const view = this.#view
    const { backend, registrar } = this.#options
    const files = fileCodesByNamespace(backend.fileProblems())
    const found = visibleNamespaces(view.cache).filter(namespace => namespace.startsWith(prefix))
    return presentList(view, found, { files, include, isLoaded: one => registrar.isLoaded(one) })
  }

  async describe(content: CommandContent<'kytos.settings.describe'>): Promise<Description> {
    const { namespace } = this.#parse(content)
    return presentDescription(this.#view, namespace)
  }

  async removeSchema(
    content: CommandContent<'kytos.settings.remove_schema'>,
    actor: Sender['actor'],
  ): Promise<RemovedSchemas> {
    const { namespace, comment } = this.#parse(content)
    const digest = content.digest === undefined ? undefined : parseDigest(content.digest)
    const force = parseFlag(content.force, 'force')
    requireReady(this.#options.watcher)
    if (force) await this.#options.registrar.forget({ namespace, digest })
    return removeSchemas({ namespace, digest, force, actor, comment }, this.#options)
  }

  async history(content: CommandContent<'kytos.settings.history'>): Promise<readonly HistoryRecord[]> {
    const { namespace, scope } = this.#parse(content)
    const limit = parseCount(content.limit, 'limit', DEFAULT_HISTORY_RECORDS, MAX_HISTORY_RECORDS)
    const version =
      content.version === undefined
        ? undefined
        : parseCount(content.version, 'version', 1, Number.MAX_SAFE_INTEGER)
    return readHistory(this.#options.backend, {
      namespace,
      scope,
      limit,
      version,
      protect: data => this.#view.cache.protect(namespace, data),
      requireKnown: () => this.#existence.require({ namespace, scope }),
    })
  }

  /** The data of a change; a JSON Patch compares no secret. @throws SettingsError PERMISSION_DENIED. */
  #guardTests(namespace: Namespace, method: string, data: Json | undefined, caller: Sender) {
    if (method !== 'JSON_PATCH') return data
    return guardTests(this.#options.secrets, namespace, data, caller.mayReadSecrets)
  }

  async #present(namespace: Namespace, scope: Scope): Promise<Settings> {
    // Both are of the moment of the call.
    const view = this.#view
    return presentSettings(view, namespace, scope, await view.cache.project(namespace, undefined, scope))
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

  /** Changes one document; returns its settings after the change. */
  async #changeOne(request: OverridesRequest): Promise<Settings> {
    const [settings] = await this.change(request)
    if (!settings) throw new RangeError('A change of one document must return one result.')
    const { scope: _, ...rest } = settings
    return rest
  }

  /** Changes overrides; returns the settings after the change, for each document. */
  async change(request: OverridesRequest): Promise<TransactionResult['settings']> {
    requireReady(this.#options.watcher)
    // A deletion creates no name. Neither does a dry run, but a name that could not be created is rejected.
    const created = request.edits.filter(({ mustBeKnown, isRemoval }) => !mustBeKnown && !isRemoval)
    if (request.dryRun) this.#names.check(created)
    // The change itself makes a controller known.
    const { cache } = this.#options.watcher
    const warnings = new Map(request.edits.map(({ scope }) => [scope, warningOfScope(cache, scope)]))
    const changed = await this.#names.reserve(request.dryRun ? [] : created, () =>
      this.#overrides.change(request),
    )
    return Promise.all(
      changed.map(async one => {
        const { scope } = one
        return { ...withWarning(await presentChanged(this.#view, one), warnings.get(scope)), scope }
      }),
    )
  }
}
