import { hash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { expectedRevisionOf } from '../../../model/expected-revision.ts'

/*
 * Entity tags, `"<epoch>.<revision>-<digest>"`.
 *
 * Invariant: two answers of one resource with the same tag are the same text, because the digest is that of
 * the text. The part before the digest is what If-Match compares: it ends with the commit after the answer,
 * and with its store.
 */

const JSON_TYPE = 'application/json; charset=utf-8'
/** 96 bits of a digest, in hexadecimal. */
const DIGEST_CHARACTERS = 24

/** The position of an answer in the store. */
export interface TagPosition {
  readonly epoch: number
  readonly revision: string
}

/**
 * Tags an answer, the JSON text of a body. A GET or HEAD whose If-None-Match names the tag gets 304 without a
 * body. Without a position the tag is the digest alone, which guards nothing.
 */
export function tagged(
  request: FastifyRequest,
  reply: FastifyReply,
  text: string,
  position?: TagPosition,
): string | FastifyReply {
  const etag = etagOf(text, position)
  reply.header('etag', etag)
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  if (isRead && includesTag(request.headers['if-none-match'], etag)) return reply.code(304).send()
  reply.type(JSON_TYPE)
  return text
}

/** The tag of an answer, see {@link tagged}. */
export function etagOf(text: string, position?: TagPosition): string {
  const digest = hash('sha256', text, 'hex').slice(0, DIGEST_CHARACTERS)
  return position ? `"${expectedRevisionOf(position)}-${digest}"` : `"${digest}"`
}

/** True when a list of entity tags has this one, by weak comparison (RFC 9110, 8.8.3.2), or is `*`. */
export function includesTag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  if (header.trim() === '*') return true
  return [...header.matchAll(/(?:W\/)?("[^"]*")/g)].some(([, tag]) => tag === etag)
}
