import { type ErrorCode, SettingsError } from '../../../model/errors.ts'

/**
 * The meaning of an error of a call. `unsent`: certainly not applied, another attempt may succeed. `unknown`:
 * it may or may not have been applied. `refused`: certainly not applied, and it would be rejected again; for
 * STORE_FULL see the Committer.
 */
export interface Failure {
  readonly kind: 'unsent' | 'unknown' | 'refused'
  /**
   * The code for the caller when no further attempt is made; a write of which an attempt was `unknown` gets
   * OUTCOME_UNKNOWN.
   */
  readonly code: ErrorCode
  /** The text of etcd or of the network for an operator, with what to do about it. */
  readonly reason: string
  /** The token of the client is no longer valid: a new client is needed. */
  readonly renew?: true
  /** The server refuses, or is refused, because of what the password and PEM files contain. */
  readonly secrets?: true
}

/**
 * The error of a call of which no further attempt is made; `repeated`: one of its attempts may have been
 * applied. It becomes a SettingsError where the operation is known ({@link toStoreError}).
 */
export class CallFailed extends Error {
  readonly failure: Failure
  readonly repeated: boolean

  constructor(failure: Failure, repeated: boolean, cause: unknown) {
    super(failure.reason, { cause })
    this.failure = failure
    this.repeated = repeated
  }
}

const CREDENTIALS = 'check username and password_file in [settings.etcd]'
const AUTHORITY = 'check ca in [settings.etcd]'

// The texts by which errors of etcd 3.4 to 3.6, grpc-js 1.14 and OpenSSL 3 are recognized, because they have
// no codes. The first match counts.
const TEXTS: readonly (readonly [RegExp, Omit<Failure, 'reason'>, string?])[] = [
  [
    /invalid auth token|revision of auth store is old/,
    { kind: 'unsent', code: 'STORE_UNREACHABLE', renew: true },
  ],
  [
    /authentication failed/,
    { kind: 'refused', code: 'STORE_REFUSED', secrets: true },
    `the user name or the password is wrong; ${CREDENTIALS}`,
  ],
  [
    /user name is empty/,
    { kind: 'refused', code: 'STORE_REFUSED' },
    `it requires a user name and a password; ${CREDENTIALS}`,
  ],
  [
    /authentication is not enabled/,
    { kind: 'refused', code: 'STORE_REFUSED' },
    'its authentication is disabled; remove username, or enable authentication in etcd',
  ],
  [
    /permission denied/,
    { kind: 'refused', code: 'STORE_REFUSED' },
    'the user lacks permission to read and write below the prefix; grant readwrite to its role',
  ],
  [
    /database space exceeded/,
    { kind: 'refused', code: 'STORE_FULL' },
    'its storage quota is exhausted; compact, defragment and disarm the NOSPACE alarm',
  ],
  [
    /too large|larger than max/,
    { kind: 'refused', code: 'DOCUMENT_TOO_LARGE' },
    'the request is larger than its --max-request-bytes',
  ],
  [/revision has been compacted|future revision/, { kind: 'refused', code: 'HISTORY_LOST' }],
  [
    /requested lease not found/,
    { kind: 'refused', code: 'STORE_UNREACHABLE' },
    'the lease expired before its put arrived',
  ],
  [
    /ALTNAME|altnames/,
    { kind: 'unsent', code: 'STORE_REFUSED' },
    'the host name is not among the names (SAN) of its certificate; use one of those names as the endpoint',
  ],
  [
    /certificate has expired/i,
    { kind: 'unsent', code: 'STORE_REFUSED', secrets: true },
    'its certificate has expired',
  ],
  [
    /unable to (verify|get)|self.signed/i,
    { kind: 'unsent', code: 'STORE_REFUSED', secrets: true },
    `its certificate is not signed by a trusted authority; ${AUTHORITY}`,
  ],
  [
    /SSL alert|alert (bad|unknown|certificate)/,
    { kind: 'unsent', code: 'STORE_REFUSED', secrets: true },
    'it rejected the client certificate; check cert and key in [settings.etcd]',
  ],
  [
    /wrong version number/,
    { kind: 'unsent', code: 'STORE_REFUSED' },
    'it does not use TLS; start the endpoint with http://',
  ],
  [
    /No connection established|Channel closed|already closed|Name resolution failed/,
    { kind: 'unsent', code: 'STORE_UNREACHABLE' },
  ],
  [
    /Waiting for LB pick|waiting for (name resolution|metadata)/,
    { kind: 'unsent', code: 'STORE_UNREACHABLE' },
    'it does not accept connections',
  ],
  [/no leader|too many requests|not capable/, { kind: 'unsent', code: 'STORE_UNREACHABLE' }],
  [
    / (INVALID_ARGUMENT|FAILED_PRECONDITION|OUT_OF_RANGE|NOT_FOUND|UNIMPLEMENTED):/,
    { kind: 'refused', code: 'STORE_REFUSED' },
  ],
]

/** The meaning of an error that a call of etcd3 threw. */
export function readFailure(error: unknown): Failure {
  if (error instanceof CallFailed) return error.failure
  const text = error instanceof Error ? error.message : String(error)
  for (const [pattern, failure, advice] of TEXTS) {
    if (pattern.test(text)) return { ...failure, reason: advice ? `${advice} (${brief(text)})` : brief(text) }
  }
  return { kind: 'unknown', code: 'STORE_UNREACHABLE', reason: brief(text) }
}

/**
 * The error for the caller. `what` is the operation ("reading settings/kytos/of_lldp"); `writes` is true when
 * it would have changed something.
 */
export function toStoreError(error: unknown, what: string, endpoints: string, writes = false): SettingsError {
  if (error instanceof SettingsError) return error
  const { failure, repeated } =
    error instanceof CallFailed ? error : { failure: readFailure(error), repeated: true }
  if (writes && (repeated || failure.kind === 'unknown')) {
    const text = `etcd (${endpoints}) did not confirm ${what}; it may have been applied: ${failure.reason}. Read the document before you retry.`
    return new SettingsError('OUTCOME_UNKNOWN', text, { cause: error })
  }
  return new SettingsError(
    failure.code,
    `etcd (${endpoints}) ${VERBS[failure.code] ?? 'did not respond to'} ${what}: ${failure.reason}.`,
    {
      cause: error,
    },
  )
}

const VERBS: Partial<Record<ErrorCode, string>> = {
  STORE_REFUSED: 'rejected',
  STORE_FULL: 'has no space for',
  DOCUMENT_TOO_LARGE: 'rejected',
  HISTORY_LOST: 'no longer has the revisions for',
}

function brief(text: string): string {
  const line = text.replace(/^(Error: )?\d+ [A-Z_]+: /, '').replace(/\.? ?Resolution note:\s*$/, '')
  return line.replaceAll(/\s+/g, ' ').slice(0, 300).replace(/\.$/, '')
}
