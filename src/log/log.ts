/** What a line says besides its sentence, for machines: `revision`, `event_id` and the like. Never a value of settings or boxes. */
export type LogFields = Readonly<Record<string, string | number | boolean | null>>

/** Where the service and its NApps write for operators: one line a call, to standard error. */
export interface Log {
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** The same log under another name. */
  child(name: string): Log
}
