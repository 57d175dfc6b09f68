import type { CommandName } from '../../../events/map.ts'
import type { ErrorCode } from '../../../model/errors.ts'
import type { HeaderName, QueryName } from './openapi-parameters.ts'
import type { Schema } from './openapi-schema.ts'

export type Method = 'GET' | 'PUT' | 'PATCH' | 'DELETE' | 'POST'
export type MediaType = 'application/json' | 'application/merge-patch+json' | 'application/json-patch+json'

/** The response to a successful request. */
export interface Success {
  readonly description: string
  /** The media type of the body: JSON when absent; null for a response without a body. */
  readonly type?: string | null
  readonly schema?: Schema
  readonly headers?: readonly ('ETag' | 'Location' | 'Upgrade')[]
}

/**
 * One method of a path: the parts of a request that its handler may read, and its responses. Both the
 * handlers and the OpenAPI document follow it.
 */
export interface Operation {
  readonly summary: string
  /** The commands that its handler may send on the bus. */
  readonly commands?: readonly CommandName[]
  /** Allowed query parameters; any other is rejected. Absent when the operation ignores all of them. */
  readonly query?: readonly QueryName[]
  readonly headers?: readonly HeaderName[]
  /** The accepted body types. */
  readonly body?: Readonly<Partial<Record<MediaType, Schema>>>
  readonly success: Readonly<Record<number, Success>>
  /** Errors of its commands that no request can cause. */
  readonly excludes?: readonly ErrorCode[]
  /** Errors besides those that follow from the other members. */
  readonly errors?: readonly ErrorCode[]
  /** True for a GET whose answer has an ETag, which its preconditions compare. */
  readonly tagged?: true
  /** True for a response without end, for which HEAD would wait. */
  readonly endless?: true
}

/** A path with the operation of each of its methods. */
export type Route = {
  readonly path: string
  /** True when a route with a more general path handles the other methods. */
  readonly shared?: true
} & { readonly [M in Method]?: Operation }

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Undefined for a method that is not allowed. */
    operation?: Operation
  }
}
