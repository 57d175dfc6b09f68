import { toSettingsError } from '../../../model/errors.ts'
import type { EtcdOptions } from './client.ts'

/** The part of the options that a rotation replaces. */
export type EtcdSecrets = Pick<EtcdOptions, 'password' | 'ca' | 'cert' | 'key'>

const NAMES = ['password', 'ca', 'cert', 'key'] as const
/** Milliseconds from the end of one read to the next; a refusal in between is answered with the last result. */
const READ_INTERVAL_MS = 200

/**
 * The options of a backend with the secrets in use, which are read again after a refusal.
 *
 * Invariants:
 *  1. Secrets are read only because a server refused those in use: once for all calls that were refused
 *     meanwhile, and not again before `READ_INTERVAL_MS` have passed.
 *  2. A set of secrets that cannot be read or is not sound never replaces the one in use, so a rotation that
 *     is half done does no harm.
 *  3. The version rises when the secrets in use differ from those before, and never otherwise. A caller that
 *     repeats a call only for a higher version therefore repeats it at most once for each rotation.
 */
export class Credentials {
  #options: EtcdOptions
  #version = 1
  #reading: Promise<void> | undefined
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
    if (this.#version === refused) {
      this.#reading ??= this.#read().finally(() => {
        this.#reading = undefined
      })
      await this.#reading
    }
    return this.#version > refused
  }

  async #read(): Promise<void> {
    const { readSecrets } = this.#options
    if (!readSecrets || performance.now() < this.#nextReadAt) return
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
