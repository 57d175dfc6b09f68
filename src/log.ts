/** Where the service and its NApps write for operators: one line a call, to standard error. */
export interface Log {
  info(message: string): void
  warn(message: string): void
  error(message: string): void
  /** The same log under another name. */
  child(name: string): Log
}
