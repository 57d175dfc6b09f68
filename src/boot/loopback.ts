import { isIP } from 'node:net'

/**
 * True for an address, or the name `localhost`, that only processes of this host can reach; false for any
 * other name, whatever it resolves to.
 */
export function isLoopback(host: string): boolean {
  const plain = host.toLowerCase().replace(/^::ffff:(?=[\d.]+$)/, '')
  return plain === 'localhost' || plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'))
}
