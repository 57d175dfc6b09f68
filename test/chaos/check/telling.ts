import { makeKey } from '../../../model/key.ts'
import { equalJson, isObject, type Json, type JsonObject } from '../../../model/value.ts'
import { type Fact, printCursor } from './heard.ts'
import { isPending, type Step } from './moment.ts'
import type { Panel } from './panel.ts'
import { pendingErrors } from './pending-step.ts'
import type { World } from './world.ts'

/** What of a step is known well enough to hold a fact against it. */
export interface Telling {
  readonly kind: string
  /** Undefined when only those who were there can say. */
  readonly by: Pick<Step, 'version' | 'actor' | 'comment'> | undefined
}

/**
 * What one listener was told of the settings of each namespace, and whether the next fact goes on from there.
 */
export class Teaching {
  readonly #name: string
  readonly #controller: string
  readonly #world: World
  readonly #panel: Panel
  readonly #told = new Map<string, JsonObject>()
  readonly #places = new Map<string, { readonly cluster: string; readonly own: string }>()

  constructor(name: string, controller: string, world: World, panel: Panel) {
    this.#name = name
    this.#controller = controller
    this.#world = world
    this.#panel = panel
  }

  /**
   * Holds a fact against the change it tells of, and makes that change in the world, with those of the same
   * commit and namespace that it tells of too.
   */
  hear(
    fact: Fact,
    key: string,
    step: Step | undefined,
    { kind, by }: Telling,
    others: readonly Step[] = [],
  ): void {
    const { namespace, content } = fact
    if (content.kind !== kind) this.#wrong(fact, `says ${content.kind} of ${key}, which was ${kind}`)
    if (by) this.#compare(fact, key, by)
    if (by && isPending(key)) for (const what of pendingErrors(fact.content, step)) this.#wrong(fact, what)
    const sent = typeof content.comment === 'string' ? this.#panel.sent.get(content.comment) : undefined
    if (sent !== undefined && fact.at < sent)
      this.#wrong(fact, `was heard before ${content.comment} was asked for`)
    const before =
      namespace === undefined ? undefined : (this.#told.get(namespace) ?? this.effective(namespace))
    this.#world.apply(key, step)
    if (namespace === undefined) return
    const { cluster, own } = this.place(namespace)
    if (key === cluster || key === own) for (const other of others) this.#world.apply(other.key, other)
    const after = this.effective(namespace)
    if (before && !equalJson(content.previous, before))
      this.#wrong(fact, `has a "previous" of ${namespace} that is not what was heard last`)
    if (after && !equalJson(content.data, after))
      this.#wrong(fact, `has a "data" of ${namespace} that is not what the store held`)
    // Objects were checked to be equal; a fact that is wrong is what was heard all the same.
    this.#told.set(namespace, content.data as JsonObject)
  }

  /** Forgets what was told of whatever this key belongs to. */
  forget(key: string): void {
    for (const namespace of this.#told.keys())
      if (key.endsWith(address(namespace))) this.#told.delete(namespace)
  }

  /** Begins anew with what a snapshot said. */
  replace(namespaces: ReadonlyMap<string, JsonObject>): void {
    this.#told.clear()
    for (const [namespace, data] of namespaces) this.#told.set(namespace, data)
  }

  /** Effective settings in the world as it is; undefined when that cannot be said. */
  effective(namespace: string): JsonObject | undefined {
    return this.#world.effective(this.place(namespace))
  }

  /** The keys of the documents that count here. */
  place(namespace: string): { readonly cluster: string; readonly own: string } {
    const parts = namespace.split('/')
    const place = this.#places.get(namespace) ?? {
      cluster: makeKey('settings', ...parts),
      own: makeKey('controllers', this.#controller, ...parts),
    }
    this.#places.set(namespace, place)
    return place
  }

  #compare(
    fact: Fact,
    key: string,
    { version, actor, comment }: Pick<Step, 'version' | 'actor' | 'comment'>,
  ): void {
    const { content, namespace } = fact
    if (!isSameActor(content.actor, actor))
      this.#wrong(
        fact,
        `names the actor ${printActor(content.actor)} of ${key}, which was ${printActor(actor)}`,
      )
    if (namespace === undefined) return
    if (content.version !== version)
      this.#wrong(fact, `says version ${content.version} of ${key}, which was ${version}`)
    if (content.comment !== comment)
      this.#wrong(fact, `has the comment ${content.comment} on ${key}, which was ${comment}`)
  }

  #wrong({ cursor }: Fact, what: string): void {
    this.#panel.findings.wrong(`${this.#name}: ${printCursor(cursor)} ${what}.`)
  }
}

function isSameActor(said: Json | undefined, actor: Step['actor']): boolean {
  if (!isObject(said) || actor === null) return said === actor
  return said.type === actor.type && said.name === actor.name
}

function printActor(actor: Json | Step['actor'] | undefined): string {
  return typeof actor === 'object' && actor !== null && 'type' in actor && 'name' in actor
    ? `${actor.type} ${actor.name}`
    : 'nobody'
}

function address(namespace: string): string {
  return makeKey('settings', ...namespace.split('/')).slice('settings'.length)
}
