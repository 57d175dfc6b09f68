import { parseRevision, printRevision, type Revision } from './document.ts'
import type { SettingsError } from './errors.ts'

/**
 * The revision that the caller of a change expects; with an epoch, in that store only, because revisions of
 * different epochs may be equal by chance.
 */
export interface ExpectedRevision {
  readonly epoch?: number
  readonly revision: Revision
}

/** The pattern of the text of an expected revision: `<epoch>.<revision>`, or the revision alone. */
export const EXPECTED_REVISION = String.raw`(?:(?:0|[1-9]\d{0,15})\.)?(?:0|[1-9]\d{0,39})`

/** Parses `<epoch>.<revision>` or a revision alone; undefined for any other text. */
export function parseExpectedRevision(text: string): ExpectedRevision | undefined {
  const [first = '', second, ...more] = text.split('.')
  if (more.length > 0) return undefined
  const revision = parseRevision(second ?? first)
  if (revision === undefined) return undefined
  if (second === undefined) return { revision }
  const epoch = /^(?:0|[1-9]\d{0,15})$/.test(first) ? Number(first) : Number.NaN
  return Number.isSafeInteger(epoch) ? { epoch, revision } : undefined
}

export function printExpectedRevision({ epoch, revision }: ExpectedRevision): string {
  return epoch === undefined ? printRevision(revision) : `${epoch}.${printRevision(revision)}`
}

/**
 * The text with which a change on top of an answer is guarded: a store that was replaced meanwhile does not
 * fulfil it. Before the first store there is no epoch.
 */
export function expectedRevisionOf(answer: { readonly epoch: number; readonly revision: string }): string {
  return answer.epoch === 0 ? answer.revision : `${answer.epoch}.${answer.revision}`
}

/**
 * The same for the error that a namespace is unknown: the change is refused if the namespace was created since.
 * The error names no revision where the namespace never was.
 */
export function expectedRevisionIn({ details }: SettingsError): string {
  const { revision, epoch } = unknownRevision(details)
  return expectedRevisionOf({ revision, epoch })
}

/** The revision and the epoch in the details of such an error. */
export function unknownRevision(details: SettingsError['details']): {
  readonly epoch: number
  readonly revision: string
} {
  const { revision, epoch } = details
  if (typeof revision !== 'string' || typeof epoch !== 'number') return { revision: '0', epoch: 0 }
  return { revision, epoch }
}
