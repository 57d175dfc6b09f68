import type { StandingDocument } from '../../../events/history-nouns.ts'
import type { Actor } from '../../../model/actor.ts'
import { SettingsError } from '../../../model/errors.ts'
import type { Service } from '../service/service.ts'
import { showTime } from '../terminal/print-answer.ts'
import type { TypedTime } from './parse-time.ts'

/** The place of a document, or all documents. */
export interface AsOfPlace {
  readonly namespace?: string | undefined
  readonly scope: string
}

/** The documents as they were at a time. @throws SettingsError the error of the service. */
export async function askStanding(
  service: Service,
  { namespace, scope }: AsOfPlace,
  { at }: TypedTime,
): Promise<readonly StandingDocument[]> {
  const place = namespace === undefined ? {} : { namespace, scope }
  const { documents } = await service.ask('kytos.settings.as_of', { at: at.toISOString(), ...place })
  return documents
}

/** The version of a document at a time with its time, author and controller. */
export function describeStanding({ version, at, actor, controller, clock }: StandingDocument): string {
  if (version === 0 || actor === null) return 'no version yet'
  const mark = clock ? ', clock: its time is before that of the version before it' : ''
  return `version ${version} of ${showTime(at)} by ${printAuthor(actor)} on ${controller}${mark}`
}

/** A document in a sentence and in a table. */
export function printPlace({
  namespace,
  scope,
}: {
  readonly namespace: string
  readonly scope: string
}): string {
  return scope === 'cluster' ? namespace : `${namespace} (${scope})`
}

/** The author of a change in a table. */
export function printAuthor({ type, name }: Actor): string {
  return type === 'user' ? name : `${type} ${name}`
}

/** The error for a document whose version at a time is no longer kept. */
export function prunedAt(document: StandingDocument, { shown }: TypedTime): SettingsError {
  const { namespace, scope, pruned = { from: 0, to: 0 } } = document
  const { from, to } = pruned
  return new SettingsError(
    'VERSION_PRUNED',
    `${printPlace(document)} at ${shown} is not known: one of the versions ${from} to ${to} was in effect, and not all of them are kept. "kytos-settings history ${namespace}" lists the versions that are.`,
    { details: { namespace, scope, from, to } },
  )
}
