import type { Backend } from '../../backends/backend.ts'
import { parseComment, parseConfirmWithin, parseCount, parseFlag, parseGuard } from '../../events/content.ts'
import type { Handler, Handlers } from '../../events/event.ts'
import type { AsOf, AuditPage } from '../../events/history-nouns.ts'
import type { CommandContent } from '../../events/map.ts'
import type { Settings, TransactionResult } from '../../events/nouns.ts'
import { TRANSACTION_DOCUMENTS } from '../../model/document.ts'
import { SettingsError } from '../../model/errors.ts'
import { expectedRevisionOf } from '../../model/expected-revision.ts'
import { type Namespace, parseNamespace, parseScope } from '../../model/namespace.ts'
import type { JsonObject } from '../../model/value.ts'
import { Existence } from '../settings/write/existence.ts'
import type { Watcher } from '../watcher/watcher.ts'
import { readAsOf } from './as-of.ts'
import { readAudit, revisionBefore } from './audit.ts'
import {
  parseAuditCursor,
  parseDocuments,
  parseInstant,
  parsePointers,
  parseVersion,
  parseWriteId,
} from './parse-undo.ts'
import { type ChangeOverrides, rollBack } from './rollback.ts'
import { nameOf, type RollbackTarget } from './rollback-source.ts'
import { recordsOfTransaction } from './transaction-records.ts'

export interface UndoOptions {
  readonly backend: Backend
  readonly watcher: Watcher
  readonly controller: string
  readonly change: ChangeOverrides
}

/** The sender of a rollback. */
type Sender = Parameters<Handler<'kytos.settings.rollback'>>[1]

/** The entries of a page that names no limit, and the most that one may name. */
const DEFAULT_AUDIT_ENTRIES = 100
const MAX_AUDIT_ENTRIES = 1_000
const MAX_COMMENT_CHARACTERS = 512

/** Answers the commands that look back at the histories of all documents, and those that go back. */
export class UndoService {
  readonly #options: UndoOptions
  readonly #existence: Existence
  #lastReading: Promise<unknown> = Promise.resolve()
  /** The handlers of this service, by command. */
  readonly handlers = {
    'kytos.settings.audit': content => this.audit(content),
    'kytos.settings.as_of': content => this.asOf(content),
    'kytos.settings.rollback': (content, sender) => this.rollback(content, sender),
    'kytos.settings.rollback_transaction': (content, sender) => this.rollbackTransaction(content, sender),
  } satisfies Partial<Handlers>

  constructor(options: UndoOptions) {
    this.#options = options
    this.#existence = new Existence(options.backend, options.watcher)
  }

  async audit(content: CommandContent<'kytos.settings.audit'>): Promise<AuditPage> {
    parseScope(content.scope, this.#options.controller)
    parseComment(content.comment)
    const limit = parseCount(content.limit, 'limit', DEFAULT_AUDIT_ENTRIES, MAX_AUDIT_ENTRIES)
    const after = content.after === undefined ? undefined : parseAuditCursor(content.after)
    const from = content.from === undefined ? undefined : parseInstant(content.from, 'from')
    if (after && from)
      throw new SettingsError('CONTENT_MALFORMED', '"after" and "from" cannot be combined: use one of them.')
    const { backend, watcher } = this.#options
    const { epoch, revision } = watcher.position
    // A client that follows the audit asks often, and mostly nothing has changed.
    if (after && after.epoch === epoch && after.revision >= revision && watcher.health.state === 'READY')
      return { entries: [], next: printCursor(after.epoch, after.revision), more: false }
    return this.#oneAtATime(async () => {
      const start = from ? await revisionBefore(backend, from) : after?.epoch === epoch ? after.revision : 0n
      const page =
        start === undefined
          ? { entries: [], next: revision, more: false }
          : await readAudit(backend, { after: start, limit, protect: this.#protect })
      return {
        entries: page.entries,
        next: printCursor(epoch, page.next),
        more: page.more,
        ...(after && after.epoch !== epoch && { restarted: true }),
      }
    })
  }

  async asOf(content: CommandContent<'kytos.settings.as_of'>): Promise<AsOf> {
    parseComment(content.comment)
    const { backend, controller } = this.#options
    const at = parseInstant(content.at, 'at')
    const scope = parseScope(content.scope, controller)
    if (content.namespace === undefined && content.scope !== undefined)
      throw new SettingsError('CONTENT_MALFORMED', '"scope" requires "namespace".')
    const document =
      content.namespace === undefined ? undefined : { namespace: parseNamespace(content.namespace), scope }
    return this.#oneAtATime(() =>
      readAsOf(backend, {
        at,
        document,
        protect: this.#protect,
        requireKnown: place => this.#existence.require(place),
      }),
    )
  }

  async rollback(
    content: CommandContent<'kytos.settings.rollback'>,
    { actor, mayReadSecrets }: Sender,
  ): Promise<Settings> {
    const { controller, backend, change } = this.#options
    const target: RollbackTarget = {
      namespace: parseNamespace(content.namespace),
      scope: parseScope(content.scope, controller),
      version: parseVersion(content.version, 'version'),
      keys: parsePointers(content.keys),
    }
    const [settings] = await rollBack(
      backend,
      {
        targets: [target],
        expected: parseGuard(content.revision),
        ...{ actor, mayReadSecrets },
        comment: commentOf(`rollback to version ${target.version}`, content.comment),
        dryRun: parseFlag(content.dry_run, 'dry_run'),
        confirmWithin: parseConfirmWithin(content.confirm_within),
        remedy: '',
      },
      change,
    )
    if (!settings) throw new RangeError('A rollback of one document must return one result.')
    const { scope: _, ...rest } = settings
    return rest
  }

  async rollbackTransaction(
    content: CommandContent<'kytos.settings.rollback_transaction'>,
    { actor, mayReadSecrets }: Sender,
  ): Promise<TransactionResult> {
    const { controller, backend, change } = this.#options
    const { write_id, documents, scope, comment, dry_run } = content
    if ((write_id === undefined) === (documents === undefined))
      throw new SettingsError('CONTENT_MALFORMED', 'Set either "write_id" or "documents".')
    const force = parseFlag(content.force, 'force')
    if (force && documents)
      throw new SettingsError('CONTENT_MALFORMED', '"force" requires "write_id": leave out "if_version".')
    parseScope(scope, controller)
    const dryRun = parseFlag(dry_run, 'dry_run')
    const targets = documents
      ? parseDocuments(documents, scope, controller)
      : await this.#targetsOf(parseWriteId(write_id), force)
    const what = documents
      ? `rollback of ${targets.map(one => `${nameOf(one)} to version ${one.version}`).join(', ')}`
      : `rollback of the transaction ${write_id}`
    const remedy = documents
      ? 'Read the state again, then retry.'
      : 'With "force" these changes are undone, too.'
    const by = { actor, mayReadSecrets, comment: commentOf(what, comment) }
    const confirmWithin = parseConfirmWithin(content.confirm_within)
    return { settings: await rollBack(backend, { targets, ...by, dryRun, confirmWithin, remedy }, change) }
  }

  /** Each document of a transaction, and the version before it. */
  async #targetsOf(writeId: string, force: boolean): Promise<readonly RollbackTarget[]> {
    const found = await this.#oneAtATime(() => recordsOfTransaction(this.#options.backend, writeId))
    // An import may be larger than one transaction, but one commit is not.
    if (found.length > TRANSACTION_DOCUMENTS)
      throw new SettingsError(
        'DOCUMENT_TOO_LARGE',
        `The transaction ${writeId} has ${found.length} documents; ${TRANSACTION_DOCUMENTS} are allowed.`,
      )
    return found.map(({ namespace, scope, record: { version } }) => ({
      namespace,
      scope,
      version: version - 1,
      ...(!force && { ifVersion: version }),
    }))
  }

  /** Runs one reading of all histories at a time, because each takes long on a large store. */
  #oneAtATime<Result>(read: () => Promise<Result>): Promise<Result> {
    const mine = this.#lastReading.then(read)
    this.#lastReading = mine.catch(() => {})
    return mine
  }

  readonly #protect = (namespace: Namespace, data: JsonObject): JsonObject =>
    this.#options.watcher.cache.protect(namespace, data)
}

function printCursor(epoch: number, revision: bigint): string {
  return expectedRevisionOf({ epoch, revision: revision.toString() })
}

/** The comment of a rollback: its effect, then the reason of its author. */
function commentOf(what: string, reason: unknown): string {
  const given = parseComment(reason)
  return (given === undefined ? what : `${what}: ${given}`).slice(0, MAX_COMMENT_CHARACTERS).toWellFormed()
}
