import { isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'
import { SettingsError } from '../../../model/errors.ts'
import { quote } from '../../../model/quote.ts'

const LOOPBACK = ['localhost', '127.0.0.1', '::1']

/**
 * Refuses requests that name another host than this one. A page of any site can have its own name resolve to 127.0.0.1 and then read this service as its
 * own (DNS rebinding); the name it was loaded from is in the Host header and gives it away.
 * `names` are those that the service has besides its addresses. @throws SettingsError HOST_FORBIDDEN.
 */
export function checkHost(request: FastifyRequest, names: readonly string[]): void {
  const { host: header = '' } = request.headers
  const host = parseHost(header)
  if (host !== undefined && (LOOPBACK.includes(host) || isOneOf(names, host) || host === plainAddress(request.socket.localAddress))) return
  throw new SettingsError(
    'HOST_FORBIDDEN',
    `The Host header names ${JSON.stringify(header.slice(0, 100))}, which is not this service: address it as ${[...LOOPBACK, ...names].join(', ')}, or add the name to "hosts" in [settings].`,
    { details: { got: header.slice(0, 100), allowed: [...LOOPBACK, ...names] } },
  )
}

/**
 * Refuses what a page of another site has a browser send: it could not read the answer, but what it asked for would be done, and over a WebSocket it could
 * read too, as the same-origin policy does not hold there. Browsers name the page's site in Origin; other clients send none, or may send what they like.
 * @throws SettingsError ORIGIN_FORBIDDEN.
 */
export function checkOrigin({ headers: { origin, host } }: FastifyRequest, names: readonly string[]): void {
  if (origin === undefined) return
  const from = parseSite(origin)
  // A proxy in front of this service may put another Host in place of the one that the browser addressed.
  if (from && (from.host === parseSite(`${from.protocol}//${host}`)?.host || isOneOf(names, from.hostname))) return
  throw new SettingsError(
    'ORIGIN_FORBIDDEN',
    `A page of ${quote(origin)} may not speak to this service: only pages that it serves itself, those of a site in "hosts" of [settings], and programs that are no browser.`,
    { details: { got: origin.slice(0, 100) } },
  )
}

/** The port that a protocol has anyway is left out, as browsers do. */
function parseSite(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url && /^https?:$/.test(url.protocol) ? url : undefined
}

function isOneOf(names: readonly string[], host: string): boolean {
  return names.some(name => name.toLowerCase() === host)
}

/** An IPv4 address as such, also where a socket shows it as IPv6 (`::ffff:192.0.2.1`). */
export function plainAddress(address: string | undefined): string | undefined {
  const mapped = address?.toLowerCase().startsWith('::ffff:') ? address.slice(7) : undefined
  return mapped !== undefined && isIP(mapped) === 4 ? mapped : address?.toLowerCase()
}

function parseHost(header: string): string | undefined {
  const found = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+?)\.?)(?::\d{1,5})?$/i.exec(header)
  return (found?.[1] ?? found?.[2])?.toLowerCase()
}
