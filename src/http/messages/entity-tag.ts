import { hash } from 'node:crypto'
import type { FastifyReply } from 'fastify'
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
 * Tags an answer, the JSON text of a body; preconditions.ts compares the tag. Without a position the tag is
 * the digest alone, which guards nothing.
 */
export function tagged(reply: FastifyReply, text: string, position?: TagPosition): string {
  reply.header('etag', etagOf(text, position)).type(JSON_TYPE)
  return text
}

/** The tag of an answer, see {@link tagged}. */
export function etagOf(text: string, position?: TagPosition): string {
  const digest = hash('sha256', text, 'hex').slice(0, DIGEST_CHARACTERS)
  return position ? `"${expectedRevisionOf(position)}-${digest}"` : `"${digest}"`
}
