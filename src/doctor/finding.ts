import type { CodeOf, FindingCode, Severity } from './findings.ts'

/** One result of an examination, for the operator. */
export interface Finding {
  readonly severity: Severity
  /** Stable, for machines: `lock.held`. */
  readonly code: FindingCode
  /** The file, endpoint, namespace or NApp of the finding. */
  readonly where: string
  /** The problem, as one sentence. */
  readonly what: string
  /** The command that repairs it, or another remedy. */
  readonly repair: string
}

/** The results of one part of an examination. */
export interface Examination {
  /** The name of the part, in two or three words. */
  readonly part: string
  readonly findings: readonly Finding[]
  /** The facts that could not be determined, and why. */
  readonly unknown?: readonly string[]
}

/** Creates findings of one severity. */
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
