import { readFileSync } from 'node:fs'

/** The number of connections that a server accepts. */
export interface ConnectionLimits {
  /** Of all addresses together. */
  readonly total: number
  /** Of one IPv4 address, or of one /64 network of IPv6. */
  readonly perAddress: number
}

/** The maximum of open connections, whatever the limit of descriptors is. */
const MAX_CONNECTIONS = 4_096
/** The limit of descriptors where it cannot be read: the usual soft limit. */
const UNKNOWN_DESCRIPTORS = 1_024
/** The least number of descriptors that are left for the store, the log and NApps. */
const MIN_RESERVE = 64
const MIN_CONNECTIONS = 8

/**
 * The limits for a process with this many descriptors. A quarter, 64 at least, is left for the store, the log
 * and NApps; an address may have half of the connections.
 */
export function limitsFor(descriptors: number): ConnectionLimits {
  const reserve = Math.max(MIN_RESERVE, Math.ceil(descriptors / 4))
  const total = Math.min(MAX_CONNECTIONS, Math.max(MIN_CONNECTIONS, descriptors - reserve))
  return { total, perAddress: Math.ceil(total / 2) }
}

/** The number of descriptors that this process may have; 1,024 where the system does not show it. */
export function readDescriptorLimit(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8')
    const [, soft = ''] = /^Max open files\s+(\d+|unlimited)/m.exec(limits) ?? []
    return soft === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(soft) || UNKNOWN_DESCRIPTORS
  } catch {
    // A system without /proc.
    return UNKNOWN_DESCRIPTORS
  }
}
