/** Deadlines of a request, in milliseconds. */
export interface Deadlines {
  /** From the connection, or the first byte of a later request, to the end of the headers. */
  readonly headers: number
  /** From the same start to the end of the whole request. */
  readonly request: number
  /** The interval of the checks of these deadlines: a request may live so much longer. */
  readonly check: number
}

/** The deadlines of each request. */
export const REQUEST_MS: Deadlines = { headers: 10_000, request: 30_000, check: 2_000 }
