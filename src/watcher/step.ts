import type { Entry } from '../../model/document.ts'
import type { Key } from '../../model/key.ts'
import type { Namespace } from '../../model/namespace.ts'
import type { JsonObject } from '../../model/value.ts'
import type { DocumentState } from '../state/document-state.ts'

/**
 * What is common to all steps: `n` is the place of the key among those of the revision, `existed` whether it
 * was there before.
 */
export interface Place {
  readonly n: number
  readonly existed: boolean
}

/**
 * The effective settings that were told last and those that this step tells, and the documents that its
 * revision made unacceptable.
 */
export interface Effect {
  readonly before: JsonObject
  readonly after: JsonObject
  readonly rejected: readonly DocumentState[]
}

/** One change as it looks from here: which document, and what it did to the effective settings. */
export type Step = SettingsStep | SchemaStep | BoxStep

export interface SettingsStep extends Place, Effect {
  readonly type: 'settings'
  readonly state: DocumentState
}

export interface SchemaStep extends Place, Effect {
  readonly type: 'schema'
  readonly namespace: Namespace
  readonly gone: boolean
}

export interface BoxStep extends Place {
  readonly type: 'box'
  readonly key: Key
  readonly entry: Entry | undefined
}
