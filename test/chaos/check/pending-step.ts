import type { PendingKind } from '../../../events/commands/pending-nouns.ts'
import { equalJson, type Json, type JsonObject } from '../../../model/value.ts'
import type { Step } from './moment.ts'
import { actorOf } from './record.ts'

/* The state of a confirmed commit at one of its documents, as facts report it. */

/** The change of such a state. */
export function pendingStep(
  common: Pick<Step, 'moment' | 'n' | 'key' | 'text' | 'before' | 'kind' | 'subject' | 'content'>,
): Step {
  const { content = {}, text } = common
  const { version, actor, comment } = content
  return {
    ...common,
    ...(text === undefined ? { subject: undefined } : { kind: kindOf(content) }),
    version: typeof version === 'number' ? version : 0,
    actor: actorOf(actor),
    comment: typeof comment === 'string' ? comment : null,
    recorded: false,
    writeId: undefined,
  }
}

/** What is wrong in a fact about this change, besides its kind and its actor. */
export function pendingErrors(content: JsonObject, step: Step | undefined): readonly string[] {
  const stored = step?.content ?? {}
  return ['version', 'baseline', 'confirm_within', 'comment'].flatMap(name =>
    equalJson(content[name], stored[name] as Json)
      ? []
      : [`says ${name} ${String(content[name])} of ${step?.key}, which was ${String(stored[name])}`],
  )
}

function kindOf({ ended, extended }: JsonObject): PendingKind {
  // A kind that no fact has is found when it is compared.
  if (typeof ended === 'string') return ended as PendingKind
  return extended === true ? 'extended' : 'armed'
}
