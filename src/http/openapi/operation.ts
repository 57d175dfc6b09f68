import type { CommandName } from '../../../events/map.ts'
import type { ErrorCode } from '../../../model/errors.ts'
import type { HeaderName, QueryName } from './openapi-parameters.ts'
import type { Schema } from './openapi-schema.ts'

export type Method = 'GET' | 'PUT' | 'PATCH' | 'DELETE' | 'POST'
export type MediaType = 'application/json' | 'application/merge-patch+json' | 'application/json-patch+json'

/** What comes back when all goes well. */
export interface Success {
  readonly description: string
  /** JSON when absent; null for no body at all. */
  readonly type?: string | null
  readonly schema?: Schema
  readonly headers?: readonly ('ETag' | 'Location' | 'Upgrade')[]
}

/**
 * What a path answers to one method: what its code reads of a request, and what comes back. Both the code and
 * the OpenAPI document go by it.
 */
export interface Operation {
  readonly summary: string
  /** The commands that it may say on the bus. */
  readonly says?: readonly CommandName[]
  /** Parameters after the `?`; any other is refused. Without this none is looked at. */
  readonly query?: readonly QueryName[]
  readonly headers?: readonly HeaderName[]
  /** The types of body that it takes. */
  readonly body?: Readonly<Partial<Record<MediaType, Schema>>>
  readonly success: Readonly<Record<number, Success>>
  /** Errors of its commands that none of its requests can lead to. */
  readonly excludes?: readonly ErrorCode[]
  /** What it refuses beside what follows from the rest. */
  readonly errors?: readonly ErrorCode[]
  /** True where the answer never ends, so that HEAD would wait for it. */
  readonly endless?: true
}

/** A path, and what answers each method there. */
export type Route = {
  readonly path: string
  /** True where another route of a more general path answers the other methods. */
  readonly shared?: true
} & { readonly [M in Method]?: Operation }

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Undefined where a method is refused. */
    operation?: Operation
  }
}
