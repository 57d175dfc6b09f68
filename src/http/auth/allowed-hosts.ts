import { isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'
import { SettingsError } from '../../../model/errors.ts'
import { quote } from '../../../model/quote.ts'

const LOOPBACK = ['localhost', '127.0.0.1', '::1']

/**
 * Rejects requests whose Host header names another host, because of DNS rebinding. A page of any site can
 * have its own name resolve to 127.0.0.1 and then read this service; the Host header still has that name.
 * `names` are the names of the service besides its addresses.
 * @throws SettingsError HOST_FORBIDDEN; CONTENT_MALFORMED for a request of HTTP/1.1 without exactly one Host.
 */
export function checkHost(request: FastifyRequest, names: readonly string[]): void {
  checkHostCount(request)
  const { host: header = '' } = request.headers
  const host = parseHost(header)
  if (
    host !== undefined &&
    (LOOPBACK.includes(host) || isOneOf(names, host) || host === plainAddress(request.socket.localAddress))
  )
    return
  throw new SettingsError(
    'HOST_FORBIDDEN',
    `The Host header ${JSON.stringify(header.slice(0, 100))} does not name this service. Use ${[...LOOPBACK, ...names].join(', ')}, or add the name to "hosts" in [settings].`,
    { details: { got: header.slice(0, 100), allowed: [...LOOPBACK, ...names] } },
  )
}

/**
 * Rejects several Host headers, because a proxy may choose another one than this service. RFC 9112 also
 * requires one in HTTP/1.1.
 */
function checkHostCount({ raw: { rawHeaders, httpVersion } }: FastifyRequest): void {
  const count = rawHeaders.filter((text, i) => i % 2 === 0 && text.toLowerCase() === 'host').length
  if (count === 1 || (count === 0 && httpVersion === '1.0')) return
  throw new SettingsError('CONTENT_MALFORMED', `The request has ${count} Host headers: send exactly one.`, {
    details: { header: 'Host', got: count, expected: 1 },
  })
}

/**
 * Rejects browser requests from pages of another site. The page could not read the answer, but the request
 * would be executed, and over a WebSocket the page could even read. Browsers send the site of the page in
 * Origin.
 * @throws SettingsError ORIGIN_FORBIDDEN.
 */
export function checkOrigin({ headers: { origin, host } }: FastifyRequest, names: readonly string[]): void {
  if (origin === undefined) return
  const from = parseSite(origin)
  // A proxy in front of this service may replace the Host of the browser.
  if (from && (from.host === parseSite(`${from.protocol}//${host}`)?.host || isOneOf(names, from.hostname)))
    return
  throw new SettingsError(
    'ORIGIN_FORBIDDEN',
    `Requests from pages of ${quote(origin)} are not allowed. To allow them, add the host of the page to "hosts" in [settings].`,
    { details: { got: origin.slice(0, 100) } },
  )
}

/** The origin as a URL, without the default port of its protocol, as browsers send it. */
function parseSite(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url && /^https?:$/.test(url.protocol) ? url : undefined
}

function isOneOf(names: readonly string[], host: string): boolean {
  return names.some(name => name.toLowerCase() === host)
}

/** The address in lower case; an IPv4 address without the prefix `::ffff:` of an IPv6 socket. */
export function plainAddress(address: string | undefined): string | undefined {
  const mapped = address?.toLowerCase().startsWith('::ffff:') ? address.slice(7) : undefined
  return mapped !== undefined && isIP(mapped) === 4 ? mapped : address?.toLowerCase()
}

function parseHost(header: string): string | undefined {
  const found = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+?)\.?)(?::\d{1,5})?$/i.exec(header)
  return (found?.[1] ?? found?.[2])?.toLowerCase()
}
