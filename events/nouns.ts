import type { Actor } from '../model/actor.ts'
import type { Json, JsonObject } from '../model/value.ts'
import type { ApplyMode, Explanation, Method, Preview } from './changes.ts'

/*
 * The nouns of commands and facts (map.ts): settings, boxes, and what is answered about them. Names are
 * `snake_case` as in Kytos.
 */

export type ServiceState = 'READY' | 'STALE' | 'OFFLINE'

/** The settings of one namespace as this controller sees them. */
export interface Settings {
  readonly namespace: string
  /** Effective: all layers merged. */
  readonly data: JsonObject
  /** What is stored in the scope that was asked for. */
  readonly overrides: JsonObject
  readonly revision: string
  /** Of the document in the scope that was asked for; 0 before the first. */
  readonly version: number
  readonly epoch: number
  readonly state: ServiceState
  /** ISO 8601, the committing controller's clock: for people, never for order. */
  readonly updated_at: string | null
  readonly updated_by: Actor | null
  readonly schema: boolean
  /** False when the watch was down and the change, though durable, was not yet seen here. */
  readonly observed?: boolean
  /** Pointers of this change that a higher layer hides here. */
  readonly shadowed?: readonly string[]
  /** Pointers of this change that set what its schema calls deprecated. */
  readonly deprecated?: readonly string[]
  /**
   * Where each value of `data` comes from, by JSON Pointer: every leaf, an array and an empty object being
   * one too. When asked for.
   */
  readonly explain?: Readonly<Record<string, Explanation>>
  /**
   * What the change would do; with a dry run only, whose `data` and `overrides` are as they would be,
   * everything else as it is.
   */
  readonly preview?: Preview
}

/**
 * One step of a transaction. Several may change one document: each goes on from what the one before it made.
 */
export interface TransactionOperation {
  readonly namespace: string
  /** That of the whole transaction when absent. */
  readonly scope?: string
  /** PATCH when absent. */
  readonly method?: Method | 'DELETE'
  /** A JSON object; for JSON_PATCH an array of operations; for DELETE absent. */
  readonly data?: Json
  /** Refuses the whole transaction unless the namespace is at this revision before it. */
  readonly revision?: string
}

/**
 * What a transaction left, or, with a dry run, would leave: one for each document, in the order in which its
 * operations first name it.
 */
export interface TransactionResult {
  readonly settings: readonly (Settings & { readonly scope: string })[]
}

export interface Summary {
  readonly namespace: string
  readonly revision: string
  readonly version: number
  readonly state: ServiceState
  readonly schema: boolean
  readonly overrides: boolean
  readonly pending: boolean
  /**
   * How its readable files differ from its documents, in any scope; absent where they do not. The status
   * names the files.
   */
  readonly files?: readonly FileCode[]
}

/**
 * Why a readable file does not show its document: absent without a person's removal, not understood, or not
 * writable.
 */
export type FileCode = 'FILE_MISSING' | 'FILE_REJECTED' | 'FILE_UNWRITABLE'

/** A document that has a readable file: the overrides of a namespace in a scope, or a box. */
export type DocumentName =
  | { readonly namespace: string; readonly scope: string }
  | { readonly namespace: string; readonly box_id: string }

/** A readable file that does not show its document. */
export type FileState = DocumentName & {
  /** The path of the file. */
  readonly source: string
  readonly code: FileCode
  /** One sentence for people: what is wrong, and what to do. */
  readonly message: string
}

/** How the service and its store are. Later releases add members. */
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
  /** Seconds since the data here was last known to equal the store; null when there is none. */
  readonly age: number | null
  /**
   * The readable files that do not show their documents, in byte order of the documents' keys; at most 500.
   */
  readonly files: readonly FileState[]
  /** How many more there are; absent when `files` names all. */
  readonly more_files?: number
}

/** The controllers that this one knows of: itself, and every owner of overrides. */
export interface Controllers {
  /** In byte order of the ids. */
  readonly controllers: readonly ControllerSummary[]
}

export interface ControllerSummary {
  readonly id: string
  /** True for the controller that answers. */
  readonly self: boolean
  /**
   * Namespaces in which the controller has overrides of its own, in byte order; none for one that only runs.
   */
  readonly namespaces: readonly string[]
}

/** Documents whose missing readable files were written again. */
export interface RestoredFiles {
  /** In byte order of the documents' keys; at most 500. */
  readonly restored: readonly DocumentName[]
  /** How many more there are; absent when `restored` names all. */
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
}

/** One change of one document. `data` is what it held afterwards, null once deleted. */
export interface HistoryRecord {
  readonly version: number
  readonly kind: ChangeKind
  readonly data: JsonObject | null
  readonly actor: Actor
  readonly controller: string
  readonly comment: string | null
  readonly at: string
  readonly write_id: string
  /** The revision of the commit it tells of. */
  readonly revision: string
}

export interface Box {
  readonly namespace: string
  readonly box_id: string
  readonly data: Json
  readonly created_at: string
  readonly owner: string | null
  readonly revision: string
}

export type ChangeKind = 'created' | 'updated' | 'deleted'
export type Origin = 'live' | 'replay' | 'resync'
