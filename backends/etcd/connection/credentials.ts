import { setTimeout as delay } from 'node:timers/promises'
import { toSettingsError } from '../../../model/errors.ts'
import type { EtcdOptions } from './client.ts'

/** The part of the options that a rotation replaces. */
export type EtcdSecrets = Pick<EtcdOptions, 'password' | 'ca' | 'cert' | 'key'>

const NAMES = ['password', 'ca', 'cert', 'key'] as const
/** Milliseconds from the end of one read to the next. */
const READ_INTERVAL_MS = 200
/** Milliseconds that a read may take before a refused call no longer waits for it. */
const MAX_READ_MS = 1_000

/**
 * The options of a backend with the secrets in use, which are read again after a refusal.
 *
 * Invariants:
 *  1. Secrets are read only because a server refused those in use. One read serves all calls that were
 *     refused before it began, and one read follows another after `READ_INTERVAL_MS` at the earliest.
 *  2. A refusal stands only after a read that began later than the refusal, or when a file system did not
 *     answer for `MAX_READ_MS`.
 *  3. A set of secrets that cannot be read or is not sound never replaces the one in use, so a rotation that
 *     is half done does no harm.
 *  4. The version rises when the secrets in use differ from those before, and never otherwise. A caller that
 *     repeats a call only for a higher version therefore repeats it at most once for each rotation.
 */
export class Credentials {
  #options: EtcdOptions
  #version = 1
  /** The read that is under way, or the last one. */
  #current: Promise<void> | undefined
  /** The read that has yet to begin. */
  #next: Promise<void> | undefined
  #nextReadAt = Number.NEGATIVE_INFINITY
  #result = ''

  constructor(options: EtcdOptions) {
    this.#options = options
  }

  /** The options with the secrets in use. */
  get options(): EtcdOptions {
    return this.#options
  }

  /** The number of the secrets in use. */
  get version(): number {
    return this.#version
  }

  /** The result of the last read, as a clause of a message; empty before the first read. */
  get result(): string {
    return this.#result
  }

  /** Reads the secrets again after those of `refused` were refused; true when newer ones are in use. */
  async renew(refused: number): Promise<boolean> {
    const { readSecrets } = this.#options
    if (readSecrets && this.#version === refused) {
      this.#next ??= this.#readNext(readSecrets)
      await this.#within(this.#next)
    }
    return this.#version > refused
  }

  /** Reads once more when the current read is over and the interval has passed. */
  async #readNext(readSecrets: () => Promise<EtcdSecrets>): Promise<void> {
    const version = this.#version
    await this.#current
    if (this.#version === version) await delay(Math.max(0, this.#nextReadAt - performance.now()))
    // A refusal from now on needs another read.
    this.#next = undefined
    if (this.#version > version) return
    this.#current = this.#read(readSecrets)
    await this.#current
  }

  /** Waits for a read, but not for a file system that does not answer. */
  async #within(reading: Promise<void>): Promise<void> {
    const end = new AbortController()
    const limit = READ_INTERVAL_MS + MAX_READ_MS
    const timeout = delay(limit, 'late', { signal: end.signal }).catch(() => undefined)
    if ((await Promise.race([reading, timeout])) === 'late')
      this.#result = `its files cannot be read within ${MAX_READ_MS / 1000} s`
    end.abort()
  }

  async #read(readSecrets: () => Promise<EtcdSecrets>): Promise<void> {
    try {
      const secrets = await readSecrets()
      if (NAMES.some(name => isDifferent(secrets[name], this.#options[name]))) {
        this.#options = { ...this.#options, ...pick(secrets) }
        this.#version++
        this.#result = ''
      } else this.#result = 'its files were read again and are unchanged'
    } catch (error) {
      this.#result = `its files were read again and rejected: ${toSettingsError(error).message.replace(/\.$/, '')}`
    }
    this.#nextReadAt = performance.now() + READ_INTERVAL_MS
  }
}

/** All four, so that a file that is no longer there does not leave its old content in use. */
function pick({ password, ca, cert, key }: EtcdSecrets): EtcdSecrets {
  return { password, ca, cert, key }
}

function isDifferent(a: Buffer | string | undefined, b: Buffer | string | undefined): boolean {
  return Buffer.isBuffer(a) && Buffer.isBuffer(b) ? !a.equals(b) : a !== b
}
