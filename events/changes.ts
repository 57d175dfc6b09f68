import type { Actor } from '../model/actor.ts'
import type { Json } from '../model/value.ts'

/* How changes and values are told of: what differs, where it comes from, what it would do. */

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

/** From low to high: a higher one hides what the lower ones say. */
export type Layer = 'default' | 'seed' | 'cluster' | 'controller' | 'environment'

/** The value of one layer. A member without a record is null. */
export interface LayerValue {
  readonly layer: Layer
  readonly value: Json
  readonly set_by: Actor | null
  readonly set_at: string | null
  /** Of the commit that set it to this; for a default or a seed, that stored the schema. */
  readonly revision: string | null
  /** The environment variable it comes from. */
  readonly variable?: string
}

/** The origin of a value: the effective layer, and the layers it hides, highest first. */
export interface Explanation extends LayerValue {
  /** `pointer` where a lower layer has a value above or around the place, which is hidden as a whole. */
  readonly shadowed: readonly (LayerValue & { readonly pointer?: string })[]
}

/** The effect that a change would have on this controller. */
export interface Preview {
  readonly changes: readonly ValueChange[]
  readonly consumers: readonly PreviewedConsumer[]
  /**
   * Other overrides of the namespace that would be ignored, because they would no longer match the schema.
   */
  readonly rejected: readonly { readonly scope: string; readonly errors: readonly RuleBroken[] }[]
}

/**
 * A NApp that uses the settings, how what changes takes effect there (the strictest mode), and what it says
 * to it.
 */
export interface PreviewedConsumer {
  readonly controller: string
  readonly napp: string
  readonly apply: ApplyMode
  readonly verdict: Verdict
  readonly reason: string | null
}

/**
 * What a NApp says to a change; who has no `changing` hook, or is not concerned, accepts. `late`: it did not
 * answer in time, which refuses too.
 */
export type Verdict = 'accepted' | 'refused' | 'late'
