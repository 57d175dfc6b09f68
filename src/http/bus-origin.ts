import type { FastifyRequest } from 'fastify'
import { SettingsError } from '../../model/errors.ts'

/**
 * Refuses a page of another site. Browsers let any page open a WebSocket to any address, loopback too, and the same-origin policy does not hold for it (cross-site
 * WebSocket hijacking); but they always say where the page is from. Whoever is no browser sends no Origin, or may send what it likes.
 * The Host header was checked before: it names this service.
 * @throws SettingsError ORIGIN_FORBIDDEN.
 */
export function checkOrigin({ headers }: FastifyRequest): void {
  const { origin, host } = headers
  if (origin === undefined || isSame(origin, host)) return
  const got = origin.slice(0, 100)
  throw new SettingsError(
    'ORIGIN_FORBIDDEN',
    `A page of ${JSON.stringify(got)} may not open the bus: only pages that this service itself serves, and programs that are no browser.`,
    { details: { got } },
  )
}

function isSame(origin: string, host: string | undefined): boolean {
  const [from, here] = [parseUrl(origin), parseUrl(`${origin.split(':')[0]}://${host}`)]
  return from !== undefined && here !== undefined && /^https?:$/.test(from.protocol) && from.host === here.host
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined
}
