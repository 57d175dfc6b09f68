import type { FastifyRequest } from 'fastify'
import { SettingsError } from '../../../model/errors.ts'
import { parseExpectedRevision } from '../../../model/expected-revision.ts'
import { MAX_COMMENT_CHARACTERS } from '../openapi/openapi-parameters.ts'

/**
 * The expected revision in If-Match, `<epoch>.<revision>` or the revision alone: the part of an ETag before
 * its digest; undefined when absent.
 * @throws SettingsError CONTENT_MALFORMED for anything but one tag; REVISION_MISMATCH for a weak one, which
 * matches nothing (RFC 9110, 13.1.1).
 */
export function readIfMatch(request: FastifyRequest): string | undefined {
  const got = request.headers['if-match']
  if (got === undefined) return undefined
  const [, isWeak, tag = ''] = /^(W\/)?("[^"]*"|[^"]+)$/.exec(got.trim()) ?? []
  const expected = tag.replaceAll('"', '').split('-')[0] ?? ''
  if (parseExpectedRevision(expected) !== undefined) {
    if (isWeak === undefined) return expected
    throw new SettingsError(
      'REVISION_MISMATCH',
      `If-Match is the weak tag ${JSON.stringify(got.slice(0, 100))}, which matches nothing. Send the tag without "W/", as in the ETag of GET.`,
      { details: { header: 'If-Match', got: got.slice(0, 100) } },
    )
  }
  throw new SettingsError(
    'CONTENT_MALFORMED',
    `If-Match must be one ETag as in the answer to GET, or a revision in quotes, not ${JSON.stringify(got.slice(0, 100))}.`,
    {
      details: { header: 'If-Match', got: got.slice(0, 100), expected: '"<epoch>.<revision>-<digest>"' },
    },
  )
}

/**
 * True for `If-None-Match: *`, which allows a PUT only to create.
 * @throws SettingsError CONTENT_MALFORMED for another value.
 */
export function readIfNoneMatch(request: FastifyRequest): boolean {
  const got = request.headers['if-none-match']
  if (got === undefined) return false
  if (got.trim() === '*') return true
  throw new SettingsError(
    'CONTENT_MALFORMED',
    `If-None-Match must be * (create only), not ${JSON.stringify(got.slice(0, 100))}.`,
    {
      details: { header: 'If-None-Match', got: got.slice(0, 100), expected: '*' },
    },
  )
}

/**
 * The comment in X-Comment; undefined when absent or blank.
 * @throws SettingsError CONTENT_MALFORMED beyond 512 characters.
 */
export function readComment(request: FastifyRequest): string | undefined {
  const got = request.headers['x-comment']
  if (got === undefined) return undefined
  const comment = decodeHeader(Array.isArray(got) ? got.join(', ') : got).trim()
  if (comment.length > MAX_COMMENT_CHARACTERS) {
    throw new SettingsError(
      'CONTENT_MALFORMED',
      `X-Comment has ${comment.length} characters; ${MAX_COMMENT_CHARACTERS} are allowed.`,
      {
        details: { header: 'X-Comment', length: comment.length, max: MAX_COMMENT_CHARACTERS },
      },
    )
  }
  return comment === '' ? undefined : comment
}

/** Decodes a header as UTF-8 if possible, because Node returns its bytes as Latin-1 and shells send UTF-8. */
function decodeHeader(latin1: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(latin1, 'latin1'))
  } catch {
    // Not UTF-8, so Latin-1.
    return latin1
  }
}
