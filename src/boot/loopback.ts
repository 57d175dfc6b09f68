import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'

/**
 * True for an address, or the name `localhost`, that only processes of this host can reach; false for any
 * other name, whatever it resolves to.
 */
export function isLoopback(host: string): boolean {
  const plain = host.toLowerCase().replace(/^::ffff:(?=[\d.]+$)/, '')
  return plain === 'localhost' || plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'))
}

/** True for the URL of a loopback address or of an address of this host; false for any other name. */
export function isThisHost(url: string): boolean {
  const host = URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, '') : ''
  if (isLoopback(host)) return true
  const own = Object.values(networkInterfaces()).flatMap(addresses => addresses ?? [])
  return own.some(({ address }) => address.replace(/%.*$/, '') === host)
}
