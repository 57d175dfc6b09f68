import type { ChangeKind, Facts, Origin } from '../../events/map.ts'
import { type Actor, HAND_EDIT } from '../../model/actor.ts'
import { PART, printCursor, WHOLE } from '../../model/cursor.ts'
import { printRevision, type Revision } from '../../model/document.ts'
import { splitKey } from '../../model/key.ts'
import type { Namespace } from '../../model/namespace.ts'
import { isObject } from '../../model/value.ts'
import type { SchemaDocument } from '../schema/schema-document.ts'
import { type DocumentState, documentVersion, isRecorded } from '../state/document-state.ts'
import { describeEffect } from '../state/effect.ts'
import { parseObject } from '../state/record.ts'
import type { BoxStep, SchemaStep, SettingsStep, Step } from './step.ts'

/** What is common to all facts of one revision. */
export interface Occasion {
  readonly epoch: number
  readonly revision: Revision
  readonly origin: Origin
  /** The last step of the revision or difference. */
  readonly last: Step | undefined
  readonly schema: (namespace: Namespace) => SchemaDocument | undefined
}

/** A fact about to be said. */
export type Fact = {
  readonly [N in keyof Facts]: { readonly name: N; readonly content: Facts[N] }
}[keyof Facts]

/** The facts that one step stands for: the change itself, then what it made unacceptable. */
export function factsOf(step: Step, occasion: Occasion): Fact[] {
  if (step.type === 'box') return [boxChanged(step, occasion)]
  return [
    step.type === 'settings' ? settingsChanged(step, occasion) : schemaChanged(step, occasion),
    ...step.rejected.map(rejectedFact),
  ]
}

/** That the stored overrides of a document do not count, and why. */
export function rejectedFact(state: DocumentState): Fact {
  return {
    name: 'settings.rejected',
    content: { namespace: state.namespace, source: state.key, errors: state.rejected },
  }
}

function settingsChanged(step: SettingsStep, occasion: Occasion): Fact {
  const { state } = step
  const byHand = !isRecorded(state)
  return {
    name: 'settings.changed',
    content: {
      namespace: state.namespace,
      scope: state.scope,
      kind: kindOf(step.existed, state.entry === undefined),
      ...describeEffect(occasion.schema(state.namespace), step.before, step.after),
      ...place(occasion, step),
      version: documentVersion(state),
      epoch: occasion.epoch,
      actor: byHand ? HAND_EDIT : (state.record?.actor ?? null),
      comment: byHand ? null : (state.record?.comment ?? null),
    },
  }
}

function schemaChanged(step: SchemaStep, occasion: Occasion): Fact {
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

function boxChanged(step: BoxStep, occasion: Occasion): Fact {
  const [namespace = '', box_id = ''] = splitKey(step.key).segments
  return {
    name: 'box.changed',
    content: {
      namespace,
      box_id,
      kind: kindOf(step.existed, step.entry === undefined),
      ...place(occasion, step),
      actor: step.entry ? boxActor(step.entry.text) : null,
    },
  }
}

function place({ epoch, revision, origin, last }: Occasion, step: Step) {
  const part = step === last ? WHOLE : PART + step.n
  const n = origin === 'resync' ? part : step.n
  return { revision: printRevision(revision), cursor: printCursor({ epoch, revision, n }), origin }
}

function kindOf(existed: boolean, gone: boolean): ChangeKind {
  if (gone) return 'deleted'
  return existed ? 'updated' : 'created'
}

/** Who wrote a box; null when another hand did. */
function boxActor(text: string): Actor | null {
  const written = parseObject(text)?.written
  const actor = isObject(written) ? written.actor : undefined
  // Written by this service; another hand's text may hold anything, so its shape is looked at.
  return isObject(actor) && typeof actor.type === 'string' && typeof actor.name === 'string'
    ? (actor as unknown as Actor)
    : null
}
