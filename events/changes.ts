import type { Actor } from '../model/actor.ts'
import type { Json } from '../model/value.ts'

/* Changes and values in facts and answers: differences, origins, effects. */

export type Method = 'PATCH' | 'PUT' | 'JSON_PATCH'

export type ApplyMode = 'live' | 'reload' | 'restart' | 'never'

/** One difference in the effective settings. `old` or `new` is absent where there was or is no value. */
export interface ValueChange {
  readonly path: string
  readonly old?: Json
  readonly new?: Json
  readonly apply: ApplyMode
}

/** One broken rule of a schema. */
export interface RuleBroken {
  /** JSON Pointer into the data. */
  readonly pointer: string
  readonly rule: string
  readonly got?: Json
  readonly expected?: Json
  /** One sentence for the user. */
  readonly message: string
  /** The nearest key that would be allowed. */
  readonly nearest?: string
}

/**
 * A rule that overrides break where they are read. The stored member at the pointer is left out, or it counts
 * because it is not to blame for the rule: then `counts` equals `stored`.
 */
export interface RejectedMember {
  readonly scope: string
  /** JSON Pointer into the settings. */
  readonly pointer: string
  /** The stored value; absent where nothing is stored, or where the list has no room for it. */
  readonly stored?: Json
  /** The value in effect; absent without one, or where the list has no room for it. */
  readonly counts?: Json
  readonly rule: string
  /** One sentence for the user. */
  readonly message: string
}

/** From low to high; a value in a higher layer hides those in lower layers. */
export type Layer = 'default' | 'seed' | 'cluster' | 'controller' | 'environment'

/** The value of one layer. A member without a record is null. */
export interface LayerValue {
  readonly layer: Layer
  readonly value: Json
  readonly set_by: Actor | null
  readonly set_at: string | null
  /** The revision of the commit that set the value; for a default or a seed, that stored the schema. */
  readonly revision: string | null
  /** The environment variable that sets the value. */
  readonly variable?: string
}

/** The origin of a value: the effective layer, and the layers it hides, highest first. */
export interface Explanation extends LayerValue {
  /** `pointer` where a lower layer has a value above or around the place, which is hidden as a whole. */
  readonly shadowed: readonly (LayerValue & { readonly pointer?: string })[]
}

/**
 * The effect that a change would have on the controller of its scope, by default this one. The consumers of
 * another controller are not asked.
 */
export interface Preview {
  readonly changes: readonly ValueChange[]
  readonly consumers: readonly PreviewedConsumer[]
  /** The values that the change would make rejected; those that are rejected now are not among them. */
  readonly rejected: readonly RejectedMember[]
}

/** A NApp that uses the settings, the strictest apply mode of the change there, and its response. */
export interface PreviewedConsumer {
  readonly controller: string
  readonly napp: string
  readonly apply: ApplyMode
  readonly verdict: Verdict
  readonly reason: string | null
}

/**
 * The response of a NApp to a change. A NApp without a `changing` hook, or that the change does not affect,
 * accepts. `late` means that it did not respond in time, which also rejects the change.
 */
export type Verdict = 'accepted' | 'refused' | 'late'
