import type { Actor } from '../model/actor.ts'
import type { Json, JsonObject } from '../model/value.ts'
import type { ApplyMode, Explanation, Method, Preview, RejectedMember } from './changes.ts'
import type { ConsumerState } from './commands/consumer-nouns.ts'
import type { Pending } from './commands/pending-nouns.ts'

/*
 * The nouns of commands and facts (map.ts): settings, boxes, and the answers about them. Names are
 * `snake_case` as in Kytos.
 */

export type ServiceState = 'READY' | 'STALE' | 'OFFLINE'

/** The settings of one namespace as the controller of the requested scope sees them, by default this one. */
export interface Settings {
  readonly namespace: string
  /** Effective: all layers merged. */
  readonly data: JsonObject
  /** The overrides that are stored in the requested scope. */
  readonly overrides: JsonObject
  /** The last commit that changed what the controller of the requested scope sees. */
  readonly revision: string
  /** The version of the document in the requested scope; 0 before the first. */
  readonly version: number
  readonly epoch: number
  readonly state: ServiceState
  /** ISO 8601, by the clock of the committing controller: for people, never for ordering. */
  readonly updated_at: string | null
  readonly updated_by: Actor | null
  readonly schema: boolean
  /**
   * True in the scope of another controller: `data` is what its stored layers and the schema in use here
   * result in. Its environment is not known here.
   */
  readonly assumed?: true
  /** Stored values that are ignored, and rules that are broken although all values count; at most 100. */
  readonly rejected?: readonly RejectedMember[]
  /** The number of rejected members that `rejected` has no room for. */
  readonly more?: number
  /** The confirmed commit that the document of the requested scope belongs to; absent without one. */
  readonly pending?: Pending
  /** False when the change is durable but not visible here yet, because the watch was down. */
  readonly observed?: boolean
  /** Pointers of this change that a higher layer hides here. */
  readonly shadowed?: readonly string[]
  /** Pointers of this change that the schema marks as deprecated. */
  readonly deprecated?: readonly string[]
  /**
   * Sentences about the request that was executed: keywords of a registered schema that are probably
   * misspelt, and a scope whose controller is not known.
   */
  readonly warnings?: readonly string[]
  /**
   * The origin of each value of `data`, by JSON Pointer of every leaf; arrays and empty objects are leaves.
   * Only on request.
   */
  readonly explain?: Readonly<Record<string, Explanation>>
  /**
   * The effect of the change, with a dry run only. `data` and `overrides` then are as they would be, and all
   * other members as they are.
   */
  readonly preview?: Preview
}

/**
 * One step of a transaction. Several may change one document: each applies to the result of the previous one.
 */
export interface TransactionOperation {
  readonly namespace: string
  /** The scope of the transaction when absent. */
  readonly scope?: string
  /** PATCH when absent. */
  readonly method?: Method | 'DELETE'
  /** A JSON object; for JSON_PATCH an array of operations; for DELETE absent. */
  readonly data?: Json
  /**
   * Rejects the whole transaction unless the namespace is at this revision of its scope before it:
   * `<epoch>.<revision>`, or the revision alone.
   */
  readonly revision?: string
}

/**
 * The result of a transaction or of its dry run: the settings for each document, in the order in which the
 * operations first name it.
 */
export interface TransactionResult {
  readonly settings: readonly (Settings & { readonly scope: string })[]
}

/** The members of a summary that are added on request. */
export type SummaryPart = 'data' | 'explain' | 'rejected'

export interface Summary {
  readonly namespace: string
  readonly revision: string
  readonly version: number
  readonly state: ServiceState
  readonly schema: boolean
  readonly overrides: boolean
  /** True when overrides that this controller sees wait for a confirmation. */
  readonly pending: boolean
  /** True when values are rejected here; absent when all count. */
  readonly rejected?: true
  /** The `rejected` of the settings, absent when all values count. With `include: ["rejected"]` only. */
  readonly rejected_members?: readonly RejectedMember[]
  /** The number of rejected members that the list has no room for; absent when it has all. */
  readonly more?: number
  /**
   * False when no NApp of this controller uses the namespace, as far as it knows: none of its name is
   * enabled, and none has registered its schema since the start. Another controller or a REST client may use
   * it. Absent when one does, and from a service without a host.
   */
  readonly loaded?: false
  /**
   * How the readable files differ from the documents, in any scope; absent when they do not. The status lists
   * the files.
   */
  readonly files?: readonly FileCode[]
  /** The effective settings here, all summaries of one list at one revision. With `include: ["data"]` only. */
  readonly data?: JsonObject
  /**
   * The layers of each effective value, by JSON Pointer, as in the settings, but `set_by` and `set_at` are
   * null unless the document has one version only: a list reads no history. With `include: ["explain"]` only.
   */
  readonly explain?: Readonly<Record<string, Explanation>>
}

/**
 * The reason why a readable file differs from its document: missing, though not deleted by a user; invalid;
 * or not writable.
 */
export type FileCode = 'FILE_MISSING' | 'FILE_REJECTED' | 'FILE_UNWRITABLE'

/** A document that has a readable file: the overrides of a namespace in a scope, or a box. */
export type DocumentName =
  | { readonly namespace: string; readonly scope: string }
  | { readonly namespace: string; readonly box_id: string }

/** A readable file that differs from its document. */
export type FileState = DocumentName & {
  /** The path of the file. */
  readonly source: string
  readonly code: FileCode
  /** One sentence for users: the problem and its remedy. */
  readonly message: string
}

/**
 * The state of an enabled NApp. `starting`: it waits for its turn, or a failed start is retried every second.
 * `failed`: the start is retried once its `napp.json` is saved again.
 */
export type NAppRunState = 'starting' | 'running' | 'failed'

/** An enabled NApp of this controller's host, and whether it runs. */
export interface NAppStatus {
  /** `username/name`. */
  readonly napp: string
  readonly state: NAppRunState
  /** The version that this state is of; null without one. */
  readonly version: string | null
  /** ISO 8601: when the state began. */
  readonly since: string
  /**
   * The problem of its last start; null without one. With `running` it is that of a new version, and the
   * previous version still runs.
   */
  readonly reason: string | null
  /** A fingerprint of the `napp.json` that the host has read last, which `napps install` waits for. */
  readonly stamp: string
}

/** A rejected value with its namespace. */
export interface NamedRejection extends RejectedMember {
  readonly namespace: string
}

/** The state of the service and its store. Later releases add members. */
export interface Status {
  readonly controller: string
  /** The name of the backend: `filesystem`, `etcd`, ... */
  readonly backend: string
  readonly state: ServiceState
  readonly revision: string
  readonly epoch: number
  /** ISO 8601: when the state began. */
  readonly since: string
  readonly reason: string | null
  /** Seconds since the data here was last known to equal the store; null without data. */
  readonly age: number | null
  /**
   * The readable files that differ from their documents, in byte order of the documents' keys; at most 500.
   */
  readonly files: readonly FileState[]
  /** The number of files beyond those in `files`; absent when there are no more. */
  readonly more_files?: number
  /** The rejected values of all namespaces, at most 100; absent when all values count. */
  readonly rejected?: readonly NamedRejection[]
  /** The number of rejected values beyond those in `rejected`. */
  readonly more_rejected?: number
  /** The changes that wait for a confirmation, at most 100; absent without any. */
  readonly pending?: readonly Pending[]
  /** The NApps of this controller that use settings, at most 500; absent without any. */
  readonly consumers?: readonly ConsumerState[]
  /** The number of consumers beyond those in `consumers`. */
  readonly more_consumers?: number
  /** The enabled NApps in the order of their ids; empty without a host. */
  readonly napps: readonly NAppStatus[]
}

/** The controllers that this one knows: itself, and every owner of overrides. */
export interface Controllers {
  /** In byte order of the ids. */
  readonly controllers: readonly ControllerSummary[]
}

export interface ControllerSummary {
  readonly id: string
  /** True for the controller that answers. */
  readonly self: boolean
  /**
   * Whether the controller runs: true for the one that answers, false for all others of a store that only
   * one process can open, and null where that is not known.
   */
  readonly running: boolean | null
  /** The namespaces in which the controller has its own overrides, in byte order. */
  readonly namespaces: readonly string[]
}

/** The documents whose missing readable files were written again. */
export interface RestoredFiles {
  /** In byte order of the documents' keys; at most 500. */
  readonly restored: readonly DocumentName[]
  /** The number of documents beyond those in `restored`; absent when there are no more. */
  readonly more?: number
}

export interface Description {
  readonly namespace: string
  readonly schema: JsonObject
  readonly digest: string
  readonly napp_version: string | null
  readonly defaults: JsonObject
  /** Apply mode of every property, by pointer. */
  readonly apply: Readonly<Record<string, ApplyMode>>
  /** As in the settings. */
  readonly rejected?: readonly RejectedMember[]
  readonly more?: number
  /**
   * The stored schemas of all versions, at most 100. The first is in use where no NApp registered one; the
   * others follow from the newest to the oldest.
   */
  readonly stored: readonly StoredSchemaSummary[]
}

/** A stored schema of one version of a NApp. */
export interface StoredSchemaSummary {
  readonly digest: string
  /** Null without a version, and for a schema that cannot be read. */
  readonly napp_version: string | null
  /** The revision at which it was stored. */
  readonly revision: string
}

/** The schemas that were removed from the store. */
export interface RemovedSchemas {
  readonly namespace: string
  /** Their digests. */
  readonly removed: readonly string[]
}

/** One change of one document. `data` is its content after the change, null after a deletion. */
export interface HistoryRecord {
  readonly version: number
  readonly kind: ChangeKind
  readonly data: JsonObject | null
  readonly actor: Actor
  readonly controller: string
  readonly comment: string | null
  readonly at: string
  readonly write_id: string
  /** The number of documents that the transaction changed; absent for one. */
  readonly documents?: number
  /** The revision of the commit that it describes. */
  readonly revision: string
  /** The revision at which its secrets, and those of the document, were sealed again. */
  readonly resealed?: string
}

export interface Box {
  readonly namespace: string
  readonly box_id: string
  readonly data: Json
  readonly created_at: string
  readonly owner: string | null
  readonly revision: string
  readonly epoch: number
  /** Identifies the command that wrote the box; null when another program wrote it. */
  readonly write_id: string | null
}

export type ChangeKind = 'created' | 'updated' | 'deleted'
/** The kind of a fact: also one about secrets that were sealed again, which changes no setting. */
export type FactKind = ChangeKind | 'resealed'
export type Origin = 'live' | 'replay' | 'resync'
