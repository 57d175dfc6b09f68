import type { Problem } from '../../backends/backend.ts'
import { parseEditedBox } from '../../backends/edited-text.ts'
import type { Facts } from '../../events/map.ts'
import type { ChangeKind, Origin } from '../../events/nouns.ts'
import { type Actor, HAND_EDIT, parseActor } from '../../model/actor.ts'
import { PART, printCursor, WHOLE } from '../../model/cursor.ts'
import { printRevision, type Revision } from '../../model/document.ts'
import { toSettingsError } from '../../model/errors.ts'
import { type Key, splitKey } from '../../model/key.ts'
import { CLUSTER, type Namespace, overridesKey } from '../../model/namespace.ts'
import { isObject, type JsonObject } from '../../model/value.ts'
import type { SchemaDocument } from '../schema/schema-document.ts'
import { documentVersion, isRecorded, parseOverridesKey } from '../state/document-state.ts'
import { describeEffect } from '../state/effect.ts'
import type { RejectedList } from '../state/rejected-list.ts'
import { pendingContent } from './pending/pending-content.ts'
import { parseSchemaKey } from './schema-versions.ts'
import type { BoxStep, PendingStep, SchemaStep, SettingsStep, Step } from './step.ts'

/** The values that all facts of one revision share. */
export interface RevisionContext {
  readonly epoch: number
  readonly revision: Revision
  readonly origin: Origin
  /** The last step of the revision, or of the difference that a listing shows. */
  readonly last: Step | undefined
  readonly schema: (namespace: Namespace) => SchemaDocument | undefined
}

/** A fact that is about to be published. */
export type Fact = {
  readonly [N in keyof Facts]: { readonly name: N; readonly content: Facts[N] }
}[keyof Facts]

/** The facts of one step: the change itself, then the list of rejected members, where it changed. */
export function factsOf(step: Step, occasion: RevisionContext): Fact[] {
  if (step.type === 'box') return boxFacts(step, occasion)
  if (step.type === 'pending') return pendingFacts(step, occasion)
  return [
    step.type === 'settings' ? settingsChanged(step, occasion) : schemaChanged(step, occasion),
    ...(step.rejected ? [rejectedFact(namespaceOf(step), step.rejected, occasion)] : []),
  ]
}

/** The fact that the list of rejected members of a namespace changed; it is empty when all members count. */
export function rejectedFact(
  namespace: Namespace,
  list: RejectedList,
  { revision, origin }: Pick<RevisionContext, 'revision' | 'origin'>,
): Fact {
  return {
    name: 'settings.rejected',
    content: {
      namespace,
      source: overridesKey(namespace, CLUSTER),
      ...list,
      revision: printRevision(revision),
      origin,
    },
  }
}

/** The fact that a manual edit of a file was rejected. */
export function rejectedEditFact({ key, source, message }: Problem, revision: Revision): Fact {
  const place = key === undefined ? undefined : parseOverridesKey(key)
  const { namespace = null, scope = CLUSTER } = place ?? {}
  return {
    name: 'settings.rejected',
    content: {
      namespace,
      source: source ?? key ?? '',
      rejected: [{ scope, pointer: '', rule: 'json', message }],
      revision: printRevision(revision),
      origin: 'live',
    },
  }
}

/** The fact that the text of a box or a schema cannot be used. */
export function rejectedKeyFact(
  key: Key,
  message: string,
  { revision, origin }: Pick<RevisionContext, 'revision' | 'origin'>,
): Fact {
  const schema = parseSchemaKey(key)
  return {
    name: 'settings.rejected',
    content: {
      namespace: schema?.namespace ?? null,
      source: key,
      rejected: [{ scope: schema ? 'schema' : CLUSTER, pointer: '', rule: 'json', message }],
      revision: printRevision(revision),
      origin,
    },
  }
}

function namespaceOf(step: SettingsStep | SchemaStep): Namespace {
  return step.type === 'settings' ? step.state.namespace : step.namespace
}

function settingsChanged(step: SettingsStep, occasion: RevisionContext): Fact {
  const { state } = step
  const isManual = !isRecorded(state)
  return {
    name: 'settings.changed',
    content: {
      namespace: state.namespace,
      scope: state.scope,
      kind: isReseal(step, occasion) ? 'resealed' : kindOf(step.existed, state.entry === undefined),
      ...describeEffect(occasion.schema(state.namespace), step.before, step.after),
      ...place(occasion, step),
      version: documentVersion(state),
      epoch: occasion.epoch,
      actor: isManual ? HAND_EDIT : (state.record?.actor ?? null),
      comment: isManual ? null : (state.record?.comment ?? null),
    },
  }
}

function schemaChanged(step: SchemaStep, occasion: RevisionContext): Fact {
  return {
    name: 'settings.changed',
    content: {
      namespace: step.namespace,
      scope: 'schema',
      kind: kindOf(step.existed, step.gone),
      ...describeEffect(occasion.schema(step.namespace), step.before, step.after),
      ...place(occasion, step),
      version: 0,
      epoch: occasion.epoch,
      actor: null,
      comment: null,
    },
  }
}

function pendingFacts(step: PendingStep, occasion: RevisionContext): Fact[] {
  const content = pendingContent(step.pending)
  if (!content) return []
  return [
    { name: 'settings.pending', content: { ...content, ...place(occasion, step), epoch: occasion.epoch } },
  ]
}

/** The fact of a box, and the one that its text is rejected where another program wrote it. */
function boxFacts(step: BoxStep, occasion: RevisionContext): Fact[] {
  if (!step.entry) return [boxChanged(step, null, occasion)]
  try {
    const box = parseEditedBox(step.entry.text)
    return [boxChanged(step, actorOf(box), occasion)]
  } catch (error) {
    const { message } = toSettingsError(error)
    const rejected = rejectedKeyFact(step.key, `The stored box is kept. ${message}`, occasion)
    return [boxChanged(step, null, occasion), rejected]
  }
}

function boxChanged(step: BoxStep, actor: Actor | null, occasion: RevisionContext): Fact {
  const [namespace = '', box_id = ''] = splitKey(step.key).segments
  return {
    name: 'box.changed',
    content: {
      namespace,
      box_id,
      kind: kindOf(step.existed, step.entry === undefined),
      ...place(occasion, step),
      actor,
    },
  }
}

function place({ epoch, revision, origin, last }: RevisionContext, step: Step) {
  const part = step === last ? WHOLE : PART + step.n
  const n = origin === 'resync' ? part : step.n
  return { revision: printRevision(revision), cursor: printCursor({ epoch, revision, n }), origin }
}

/** True for a commit that sealed secrets again; a difference that a listing shows may be of any change. */
function isReseal({ state: { entry, record } }: SettingsStep, { origin }: RevisionContext): boolean {
  return origin !== 'resync' && entry !== undefined && record?.resealed === entry.modRevision
}

function kindOf(existed: boolean, isGone: boolean): ChangeKind {
  if (isGone) return 'deleted'
  return existed ? 'updated' : 'created'
}

/** The actor who wrote a box; null when another program wrote it. */
function actorOf({ written }: JsonObject): Actor | null {
  return (isObject(written) && parseActor(written.actor)) || null
}
