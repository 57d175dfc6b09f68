/** Structured fields of a log line, such as `revision` and `event_id`. Never a value of settings or boxes. */
export type LogFields = Readonly<Record<string, string | number | boolean | null>>

/** The log of the service and its NApps for operators: one line a call, to standard error. */
export interface Log {
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** The same log under another name. */
  child(name: string): Log
}
