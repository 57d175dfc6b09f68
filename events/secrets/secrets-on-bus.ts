import type { Actor } from '../../model/actor.ts'
import type { Visibility } from '../../model/rights/visibility.ts'
import { isObject, type Json, type JsonObject } from '../../model/value.ts'

/** The secrets of settings, as the bus protects them. */
export interface ProtectedSecrets {
  /** The content of a command as its listeners may see it, without the secrets that it sets. */
  withoutSecrets(command: string, content: object): object
  /** Settings of a namespace with the values of their secrets. */
  reveal(namespace: string, data: JsonObject): JsonObject
}

/** The permissions of a view of the bus. */
export interface ViewOptions {
  /** The view receives secrets, as the answers to `kytos.settings.retrieve`; false when absent. */
  readonly mayReadSecrets?: boolean
  /** The part of the store that the view sees; everything when absent. */
  readonly visibility?: Visibility
}

/** The callback of a command; the event is passed on as it is. */
type AnyCallback = (event: unknown, data: unknown, error: unknown) => void

/** The sender of a command. */
interface Sender {
  readonly actor: Actor
  readonly mayReadSecrets: boolean
}

/**
 * The secrets of settings on the bus.
 *
 * Invariants:
 *  1. No event has a plain secret: a listener of commands sees a mark in its place.
 *  2. The answer to `kytos.settings.retrieve` has plain secrets for the NApp that owns the namespace, and for
 *     a view with the permission; no other answer has.
 */
export class SecretsOnBus {
  #secrets: ProtectedSecrets | undefined

  protect(secrets: ProtectedSecrets): void {
    this.#secrets = secrets
  }

  reveal(namespace: string, data: JsonObject): JsonObject {
    return this.#secrets?.reveal(namespace, data) ?? data
  }

  withoutSecrets(name: string, content: object): object {
    return this.#secrets?.withoutSecrets(name, content) ?? content
  }

  /** True for a sender in this process: a service part, or the NApp that owns the namespace. */
  isTrusted(actor: Actor, content: object): boolean {
    return actor.type !== 'user' && (actor.type !== 'napp' || namespaceOf(content) === actor.name)
  }

  /** The content of a command whose answer shows secrets to a sender that may read them. */
  revealAnswer<Content extends object>(name: string, content: Content, sender: Sender): Content {
    const { callback } = content as { readonly callback?: unknown }
    if (name !== 'kytos.settings.retrieve' || typeof callback !== 'function') return content
    const isOwner = sender.actor.type === 'napp' && namespaceOf(content) === sender.actor.name
    if (!sender.mayReadSecrets && !isOwner) return content
    const revealed: AnyCallback = (event, data, error) =>
      (callback as AnyCallback)(event, this.#revealSettings(data), error)
    return { ...content, callback: revealed }
  }

  #revealSettings(answer: unknown): unknown {
    // The answer of the service, which is JSON.
    const settings = answer as Json | undefined
    if (!isObject(settings) || typeof settings.namespace !== 'string') return answer
    const { namespace, data, overrides } = settings
    return {
      ...settings,
      ...(isObject(data) && { data: this.reveal(namespace, data) }),
      ...(isObject(overrides) && { overrides: this.reveal(namespace, overrides) }),
    }
  }
}

function namespaceOf(content: object): unknown {
  return 'namespace' in content ? content.namespace : undefined
}
