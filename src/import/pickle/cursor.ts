import { TextDecoder } from 'node:util'
import { refuse } from './value.ts'

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** What Python itself prints. */
const MOST_DIGITS = 4_300

/**
 * Reads the arguments of opcodes; whatever would be beyond the end is refused, before anything is made of it.
 */
export class Cursor {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get at(): number {
    return this.#at
  }

  byte(): number {
    return this.#view.getUint8(this.#take(1))
  }

  uint16(): number {
    return this.#view.getUint16(this.#take(2), true)
  }

  int32(): number {
    return this.#view.getInt32(this.#take(4), true)
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4), true)
  }

  /** A length, so one that the rest of the file can hold. */
  uint64(): number {
    const value = this.#view.getBigUint64(this.#take(8), true)
    return value > BigInt(this.#bytes.length) ? truncated() : Number(value)
  }

  double(): number {
    return this.#view.getFloat64(this.#take(8), false)
  }

  bytes(length: number): Uint8Array {
    const from = this.#take(length)
    return this.#bytes.subarray(from, from + length)
  }

  text(length: number): string {
    const bytes = this.bytes(length)
    try {
      return UTF8.decode(bytes)
    } catch {
      return refuse('a string in it is not UTF-8')
    }
  }

  /** A little-endian integer with sign. */
  integer(length: number): bigint {
    if (length < 0 || length > 1_800) refuse('it contains an integer of more than 4300 digits')
    const bytes = this.bytes(length)
    if (length === 0) return 0n
    const hex = Buffer.from(bytes).reverse().toString('hex')
    return BigInt.asIntN(length * 8, BigInt(`0x${hex}`))
  }

  /** Up to the end of the line, which is left behind; each character is a byte. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at)
    if (end < 0) return truncated()
    const line = Buffer.from(this.#bytes.subarray(this.#at, end)).toString('latin1')
    this.#at = end + 1
    return line
  }

  /** A line that is an integer. */
  decimal(pattern = /^[+-]?\d+$/): bigint {
    const line = this.line()
    if (line.length > MOST_DIGITS) refuse('it contains an integer of more than 4300 digits')
    if (!pattern.test(line)) refuse('a number in it is invalid')
    return BigInt(line.replace(/L$/, ''))
  }

  #take(length: number): number {
    const from = this.#at
    if (length > this.#bytes.length - from) truncated()
    this.#at += length
    return from
  }
}

function truncated(): never {
  return refuse('it is truncated')
}
