import type { FastifyInstance, FastifyRequest } from 'fastify'
import { SettingsError } from '../../../model/errors.ts'
import { isObject, type Json, type JsonObject } from '../../../model/value.ts'
import { parseClientJson } from './client-json.ts'
import { acceptedTypes, unsupportedMedia } from './problem.ts'

const JSON_PATCH = 'application/json-patch+json'
const MERGE_PATCH = 'application/merge-patch+json'

/** Parses bodies as JSON with exact integers, and rejects every other type. */
export function acceptJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    ['application/json', MERGE_PATCH, JSON_PATCH],
    { parseAs: 'buffer' },
    async (request: FastifyRequest, bytes: string | Buffer) =>
      // A buffer because of parseAs.
      parseBody(request, bytes as Buffer),
  )
}

/**
 * The body of a request.
 * @throws SettingsError CONTENT_MALFORMED without a body; UNSUPPORTED_MEDIA_TYPE for a type that the
 * operation does not accept.
 */
export function readBody(request: FastifyRequest): Json {
  if (!acceptedTypes(request).includes(mediaType(request))) throw unsupportedMedia(request)
  if (request.body !== undefined) return request.body as Json // The result of parseBody.
  throw new SettingsError('CONTENT_MALFORMED', `${request.method} requires a JSON body.`)
}

/**
 * The body of a request that must be an object.
 * @throws SettingsError CONTENT_MALFORMED; UNSUPPORTED_MEDIA_TYPE as {@link readBody}.
 */
export function readObject(request: FastifyRequest): JsonObject {
  const body = readBody(request)
  if (isObject(body)) return body
  throw new SettingsError(
    'CONTENT_MALFORMED',
    `${request.method} requires a JSON object as body, such as {"key": "value"}.`,
  )
}

/** True when the body is a JSON Patch. */
export function isJsonPatch(request: FastifyRequest): boolean {
  return mediaType(request) === JSON_PATCH
}

function parseBody(request: FastifyRequest, bytes: Buffer): Json | undefined {
  const type = request.headers['content-type']
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(type ?? '')?.[1]?.toLowerCase() ?? 'utf-8'
  const encoding = request.headers['content-encoding']?.toLowerCase() ?? 'identity'
  if (charset !== 'utf-8' && charset !== 'utf8') throw unsupportedMedia(request, type)
  if (encoding !== 'identity') throw unsupportedMedia(request, `${type}, Content-Encoding: ${encoding}`)
  return bytes.length === 0 ? undefined : parseClientJson(decode(bytes))
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new SettingsError('JSON_MALFORMED', 'The body is not valid UTF-8.', { cause })
  }
}

/** The media type of a body, without parameters, in lower case; JSON when none is named. */
function mediaType(request: FastifyRequest): string {
  return request.headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? 'application/json'
}
