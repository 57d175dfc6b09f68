import type { CodeOf, FindingCode, Severity } from './findings.ts'

/** One thing that a person should know. */
export interface Finding {
  readonly severity: Severity
  /** Stable, for machines: `lock.held`. */
  readonly code: FindingCode
  /** The file, endpoint, namespace or NApp it is about. */
  readonly where: string
  /** One sentence. */
  readonly what: string
  /** The command that repairs it, or what else to do. */
  readonly repair: string
}

/** What one part of an examination came to. */
export interface Examination {
  /** What was looked at, in two or three words. */
  readonly part: string
  readonly findings: readonly Finding[]
  /** What could not be told, and why. */
  readonly unknown?: readonly string[]
}

/** Makes findings of one severity. */
export const broken = finding('broken')
export const warning = finding('warning')
export const hint = finding('hint')

function finding<S extends Severity>(severity: S) {
  return (code: CodeOf<S>, where: string, what: string, repair: string): Finding => ({
    severity,
    code,
    where,
    what,
    repair,
  })
}
