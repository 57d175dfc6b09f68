import { randomUUID } from 'node:crypto'
import { types } from 'node:util'
import { type Actor, SYSTEM } from '../model/actor.ts'
import { SettingsError } from '../model/errors.ts'
import { unlimitedRequired } from '../model/rights/command-rules.ts'
import { EVERYTHING_VISIBLE, type Visibility } from '../model/rights/visibility.ts'
import { visiblePart } from '../model/rights/visible-facts.ts'
import type { JsonObject } from '../model/value.ts'
import { CommandDispatcher } from './command-dispatcher.ts'
import { Consumers, outsideHook, rejectInHook } from './consumers.ts'
import { DeadLetterBox, describeError } from './dead-letters.ts'
import type { Bus, EmitOptions, KytosEvent, Listener, ListenOptions, RootBus, Unsubscribe } from './event.ts'
import { EventRouter } from './event-router.ts'
import { deepFreeze } from './freeze.ts'
import { Inbox } from './inbox.ts'
import { isCommand, isReserved } from './names.ts'
import { checkEventName } from './pattern.ts'
import { RoundRobin } from './queues/round-robin.ts'
import { SecretsOnBus, type ViewOptions } from './secrets/secrets-on-bus.ts'

/*
 * The bus. `emit` puts an event into the inboxes of its listeners and returns; delivery begins in a
 * microtask.
 *
 * Invariants:
 *  1. Every listener receives every event that matched while it listened, once, in order of emission. An
 *     inbox far behind coalesces its facts, see inbox.ts.
 *  2. A listener that throws, rejects, hangs or is slow affects no other listener and no emitter.
 *  3. A command is answered once: by its handler, or by an error with the reason why no handler answered.
 *  4. Only announce() publishes facts, and no listener can change their content.
 */

export interface BusOptions {
  /** Milliseconds since 1970, for timestamps only. */
  readonly clock?: () => number
  /** Receives failing and slow listeners, and internal errors. */
  readonly log?: { warn(message: string): void; error(message: string): void }
  /** The time that a `changing` hook may take, in milliseconds; 2,000 by default. */
  readonly hookDeadline?: number
}

/** The number of objects that a bus holds. */
export interface BusCounts {
  readonly names: number
  readonly listeners: number
  readonly patterns: number
  /** Event names whose matching patterns are cached. */
  readonly cachedNames: number
  readonly handlers: number
  readonly deadLetters: number
  readonly consumers: number
}

/** A root bus that reports the number of its objects. */
export interface CountedBus extends RootBus {
  counts(): BusCounts
}

/** A bus without listeners. */
export function createBus({ clock = Date.now, log, hookDeadline }: BusOptions = {}): CountedBus {
  const now = createTimestamps(clock)
  const router = new EventRouter()
  const roundRobin = new RoundRobin()
  const consumers = new Consumers(hookDeadline)
  const deadLetters = new DeadLetterBox(now)
  const secretsView = new SecretsOnBus()
  const dispatcher = new CommandDispatcher(deadLetters, message => log?.error(message))

  const post = <Content>(name: string, content: Content, priority = 0): KytosEvent<Content> => {
    const event = Object.freeze({
      id: randomUUID(),
      name,
      content,
      timestamp: now(),
      priority,
      reinjections: 0,
    })
    outsideHook(() => router.post(event))
    return event
  }

  const failed = (inbox: Inbox, event: KytosEvent, error: unknown): void => {
    deadLetters.add(inbox.name, event, error, redelivered => {
      // Never coalesce a redelivery: it is older than the queued facts and would roll the listener back.
      inbox.post({ sequence: router.nextSequence(), canCoalesce: false, event: redelivered })
      return !inbox.closed
    })
    const { message, code } = describeError(error)
    // The inbox reports dropped events in one line, because there may be many at once.
    if (code !== 'LISTENER_SLOW') log?.warn(`Listener ${inbox.name} failed on "${event.name}": ${message}`)
  }

  const view = (
    actor: Actor,
    { mayReadSecrets = false, visibility = EVERYTHING_VISIBLE }: ViewOptions = {},
  ): Bus => ({
    actor,
    emit(name: string, content: object = {}, options: EmitOptions = {}) {
      checkEventName(name)
      if (isReserved(name)) throw reservedName(name, actor)
      checkContent(name, content)
      if (!isCommand(name)) {
        requireUnlimited(actor, visibility, `to publish ${JSON.stringify(name.slice(0, 80))}`)
        return post(name, content, options.priority)
      }
      rejectInHook(name)
      const sent = secretsView.revealAnswer(name, { ...content, actor }, { actor, mayReadSecrets })
      const event = post(name, secretsView.withoutSecrets(name, sent), options.priority)
      dispatcher.dispatch(event, {
        sent,
        mayReadSecrets: mayReadSecrets || secretsView.isTrusted(actor, sent),
        visibility,
      })
      return event
    },
    on(to: string | RegExp, listener: Listener<never>, options: ListenOptions = {}): Unsubscribe {
      if (!types.isRegExp(to)) checkEventName(to)
      return router.subscribe(
        to,
        new Inbox({
          name: options.name ?? actor.name,
          // The overloads of Bus derive the type of the content from the name.
          listener: seeing(listener as Listener, visibility),
          namespace: options.namespace,
          roundRobin,
          onFailure: failed,
          onBehind: message => log?.warn(message),
        }),
      )
    },
    consume(namespace, consumer = {}) {
      requireUnlimited(actor, visibility, 'to register a changing hook')
      return consumers.add(namespace, actor.name, consumer)
    },
    ...(actor.type === 'napp' && { reveal: (data: JsonObject) => secretsView.reveal(actor.name, data) }),
  })

  return {
    ...view(SYSTEM),
    view,
    protect: secrets => secretsView.protect(secrets),
    announce: (name, content) => post(name, deepFreeze(content)),
    serve: (name, handler) => dispatcher.serve(name, handler),
    describeUnknown: describe => dispatcher.describeUnknown(describe),
    onAnswer: listener => dispatcher.onAnswer(listener),
    backlog: () => router.backlog(),
    deadLetters,
    consumers,
    counts: () => ({
      ...router.counts(),
      handlers: dispatcher.size,
      deadLetters: deadLetters.size,
      consumers: consumers.size,
    }),
  }
}

/**
 * ISO 8601 timestamps in UTC. Each is printed once a millisecond, because printing costs more than posting an
 * event.
 */
function createTimestamps(clock: () => number): () => string {
  let printedAt = Number.NaN
  let text = ''
  return () => {
    const time = clock()
    if (time !== printedAt) {
      printedAt = time
      text = new Date(time).toISOString()
    }
    return text
  }
}

/** A listener that receives only the visible part of each event. */
function seeing(listener: Listener, visibility: Visibility): Listener {
  if (!visibility.limits) return listener
  return event => {
    const visible = visiblePart(event, visibility)
    return visible && listener(visible)
  }
}

/** @throws SettingsError PERMISSION_DENIED for a limited caller. */
function requireUnlimited({ name }: Actor, { limits }: Visibility, purpose: string): void {
  if (limits) throw unlimitedRequired(name, purpose, limits)
}

function checkContent(name: string, content: unknown): void {
  if (typeof content === 'object' && content !== null && !Array.isArray(content)) return
  const got = content === null ? 'null' : Array.isArray(content) ? 'an array' : typeof content
  throw new SettingsError('CONTENT_MALFORMED', `The content of "${name}" must be an object, not ${got}.`)
}

function reservedName(name: string, actor: Actor): SettingsError {
  return new SettingsError(
    'EVENT_RESERVED',
    `${actor.name} may not emit "${name}": the events settings.*, box.* and kytos/settings.* are reserved for the service. To change settings, send a command such as "kytos.settings.update".`,
    { details: { got: name } },
  )
}
