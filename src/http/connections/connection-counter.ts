import { isIPv6, type Server, type Socket } from 'node:net'
import type { Log } from '../../log/log.ts'
import { plainAddress } from '../auth/allowed-hosts.ts'
import type { ConnectionLimits } from './connection-limits.ts'

/*
 * The connections of one server.
 *
 * Invariants:
 *  1. At most `total` connections are open, so that descriptors are left for the store.
 *  2. At most `perAddress` of them are of one address, so that one client cannot exclude the others.
 *  3. Further connections are closed without an answer, and counted. The log reports them at once, then at
 *     most once a minute.
 */

/** Milliseconds between two reports of rejected connections. */
const REPORT_MS = 60_000

/** Counts the connections of a server, and rejects those above the limits. */
export class ConnectionCounter {
  readonly limits: ConnectionLimits
  readonly #log: Log
  readonly #byAddress = new Map<string, number>()
  readonly #known = new WeakSet<Socket>()
  #open = 0
  #rejected = 0
  #reported = 0
  #reportedAt = Number.NEGATIVE_INFINITY

  constructor(server: Server, limits: ConnectionLimits, log: Log) {
    this.limits = limits
    this.#log = log
    server.maxConnections = limits.total
    server.on('connection', socket => this.#add(socket))
    server.on('drop', data => this.#reject(data?.remoteAddress, `${limits.total} connections are open`))
  }

  /** The number of open connections. */
  get open(): number {
    return this.#open
  }

  /** The number of rejected connections since the start. */
  get rejected(): number {
    return this.#rejected
  }

  #add(socket: Socket): void {
    // A connection whose request is read again is announced twice.
    if (this.#known.has(socket)) return
    this.#known.add(socket)
    const address = networkOf(socket.remoteAddress)
    const count = (this.#byAddress.get(address) ?? 0) + 1
    if (count > this.limits.perAddress) {
      socket.destroy()
      this.#reject(socket.remoteAddress, `${count - 1} connections of this address are open`)
      return
    }
    this.#byAddress.set(address, count)
    this.#open++
    socket.once('close', () => {
      this.#open--
      const left = (this.#byAddress.get(address) ?? 1) - 1
      if (left > 0) this.#byAddress.set(address, left)
      else this.#byAddress.delete(address)
    })
  }

  #reject(address: string | undefined, reason: string): void {
    this.#rejected++
    const now = performance.now()
    if (now - this.#reportedAt < REPORT_MS) return
    const { total, perAddress } = this.limits
    const count = this.#rejected - this.#reported
    this.#log.warn(
      `Rejected ${count} connection${count === 1 ? '' : 's'}, the last from ${plainAddress(address) ?? 'an unknown address'}: ${reason}. The limits are ${total} connections and ${perAddress} per address; raise the limit of open files (ulimit -n) to raise them.`,
    )
    this.#reported = this.#rejected
    this.#reportedAt = now
  }
}

/** The address of a client; of IPv6 the /64 network, because one host may use all its addresses. */
function networkOf(address: string | undefined): string {
  const plain = plainAddress(address) ?? ''
  if (!isIPv6(plain)) return plain
  const [head = '', tail] = plain.split('%')[0]?.split('::') ?? []
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const end = tail === '' ? [] : tail.split(':')
    groups.push(...Array.from({ length: Math.max(0, 8 - groups.length - end.length) }, () => '0'), ...end)
  }
  return groups.slice(0, 4).join(':')
}
