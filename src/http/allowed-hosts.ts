import { isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'
import { SettingsError } from '../../model/errors.ts'

const LOOPBACK = ['localhost', '127.0.0.1', '::1']

/**
 * Refuses requests that name another host than this one. A page of any site can have its own name resolve to 127.0.0.1 and then read this service as its
 * own (DNS rebinding); the name it was loaded from is in the Host header and gives it away.
 * @throws SettingsError HOST_FORBIDDEN.
 */
export function checkHost(request: FastifyRequest, listen: string): void {
  const { host: header = '' } = request.headers
  const host = parseHost(header)
  if (host !== undefined && (LOOPBACK.includes(host) || host === listen.toLowerCase() || host === plainAddress(request.socket.localAddress))) return
  throw new SettingsError(
    'HOST_FORBIDDEN',
    `The Host header names ${JSON.stringify(header.slice(0, 100))}, which is not this service: address it as localhost, 127.0.0.1, [::1] or ${listen}.`,
    { details: { got: header.slice(0, 100), allowed: [...LOOPBACK, listen] } },
  )
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
