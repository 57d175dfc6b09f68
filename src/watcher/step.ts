import type { Entry } from '../../model/document.ts'
import type { Key } from '../../model/key.ts'
import type { Namespace } from '../../model/namespace.ts'
import type { JsonObject } from '../../model/value.ts'
import type { DocumentState } from '../state/document-state.ts'
import type { RejectedList } from '../state/rejected-list.ts'
import type { PendingEntry } from './pending/pending-index.ts'

/** The part that all steps share. */
export interface StepPlace {
  /** The position of the key among the announced keys of the revision, from 1. */
  readonly n: number
  /** True when the key existed before. */
  readonly existed: boolean
}

/** The effect of a step on a namespace. */
export interface Effect {
  /** The effective settings that the previous fact announced. */
  readonly before: JsonObject
  /** The effective settings that the fact of this step announces. */
  readonly after: JsonObject
}

/** The list of rejected members after the revision: with the last step of a namespace whose list changed. */
export interface RejectionChange {
  readonly rejected: RejectedList | undefined
}

/** One change of a document, schema, box or confirmed commit, with its effect on the settings of this controller. */
export type Step = SettingsStep | SchemaStep | BoxStep | PendingStep

export interface SettingsStep extends StepPlace, Effect, RejectionChange {
  readonly type: 'settings'
  readonly state: DocumentState
}

export interface SchemaStep extends StepPlace, Effect, RejectionChange {
  readonly type: 'schema'
  readonly namespace: Namespace
  readonly gone: boolean
}

/** A change of the state of a confirmed commit at one of its documents. */
export interface PendingStep extends StepPlace {
  readonly type: 'pending'
  readonly pending: PendingEntry
}

export interface BoxStep extends StepPlace {
  readonly type: 'box'
  readonly key: Key
  readonly entry: Entry | undefined
}
