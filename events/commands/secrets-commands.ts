import { CODES, COMMON, type Command, required, type, WRITE } from './command.ts'

/** The answer to `kytos.settings.reseal`. */
export interface ResealResult {
  readonly namespace: string
  /** The documents that were sealed again, each with its newest history record. */
  readonly documents: number
  /** The other history records that were sealed again. */
  readonly records: number
  /** The documents and records that other changes kept from being sealed; the service continues with them. */
  readonly left: number
}

/** The commands about secrets. */
export const SECRETS_COMMANDS = {
  /**
   * Seals the secrets of all documents of a namespace and of their history with the newest key; `scope` limits
   * it to one document.
   */
  'kytos.settings.reseal': {
    ...WRITE,
    fields: { namespace: required<string>(), ...COMMON },
    answer: type<ResealResult>(),
    errors: [...CODES.named, 'KEY_MISSING'],
  },
} satisfies Readonly<Record<`kytos.${string}`, Command>>
