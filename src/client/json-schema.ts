import type { ApplyMode } from '../../events/changes.ts'
import type { Json } from '../../model/value.ts'

type TypeName = 'string' | 'number' | 'integer' | 'boolean' | 'object' | 'array' | 'null'
type Subschema = JsonSchema | boolean

/**
 * A JSON Schema, draft 2020-12, as a NApp writes it in its code: the only declaration of its settings, from
 * which their types are inferred. A bound outside +-(2^53 - 1) is a bigint, and the value may then be one.
 */
export interface JsonSchema {
  readonly type?: TypeName | readonly TypeName[]
  readonly title?: string
  readonly description?: string
  readonly default?: Json
  readonly deprecated?: boolean
  readonly enum?: readonly Json[]
  readonly const?: Json
  readonly minimum?: number | bigint
  readonly maximum?: number | bigint
  readonly exclusiveMinimum?: number | bigint
  readonly exclusiveMaximum?: number | bigint
  readonly multipleOf?: number | bigint
  readonly properties?: Readonly<Record<string, Subschema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: Subschema
  readonly items?: Subschema
  readonly prefixItems?: readonly Subschema[]
  readonly anyOf?: readonly Subschema[]
  readonly oneOf?: readonly Subschema[]
  readonly allOf?: readonly Subschema[]
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, Subschema>>
  /** When a change takes effect; `restart` when absent. */
  readonly 'x-apply'?: ApplyMode
  readonly 'x-sensitive'?: boolean
  /** All other keywords: annotations, and keywords without an influence on the type. */
  readonly [keyword: string]: unknown
}
