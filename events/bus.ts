import { randomUUID } from 'node:crypto'
import { types } from 'node:util'
import { type Actor, SYSTEM } from '../model/actor.ts'
import { SettingsError } from '../model/errors.ts'
import { CommandDispatcher } from './command-dispatcher.ts'
import { Consumers, outsideHook, refuseInHook } from './consumers.ts'
import { DeadLetterBox, describeError } from './dead-letters.ts'
import type { Bus, EmitOptions, KytosEvent, Listener, ListenOptions, RootBus, Unsubscribe } from './event.ts'
import { EventRouter } from './event-router.ts'
import { deepFreeze } from './freeze.ts'
import { Inbox } from './inbox.ts'
import { isCommand, isReserved } from './names.ts'
import { checkEventName } from './pattern.ts'
import { RoundRobin } from './round-robin.ts'

/*
 * The bus. `emit` puts an event into the inboxes of those who wait for it and returns; delivery begins in a
 * microtask.
 *
 * Invariants:
 *  1. Every listener hears every event that matched while it listened, once, in order of emission (an inbox
 *     far behind: folded, see inbox.ts).
 *  2. A listener that throws, rejects, hangs or is slow changes nothing for any other, nor for whoever emits.
 *  3. A command is answered once: by its handler, or by an error that says why there is none.
 *  4. Only announce() says facts, and what it says cannot be altered by those who hear it.
 */

export interface BusOptions {
  /** Milliseconds since 1970, for timestamps only. */
  readonly clock?: () => number
  /** Hears of failing and slow listeners, and of errors that are our own. */
  readonly log?: { warn(message: string): void; error(message: string): void }
  /** Milliseconds that a `changing` hook may take; 2,000 by default. */
  readonly hookDeadline?: number
}

/** How much a bus holds. */
export interface Census {
  readonly names: number
  readonly listeners: number
  readonly patterns: number
  /** Event names whose matching patterns are remembered. */
  readonly remembered: number
  readonly handlers: number
  readonly deadLetters: number
  readonly consumers: number
}

/** A root bus that can be counted. */
export interface CountedBus extends RootBus {
  census(): Census
}

/** A bus without listeners. */
export function createBus({ clock = Date.now, log, hookDeadline }: BusOptions = {}): CountedBus {
  const now = createTimestamps(clock)
  const exchange = new EventRouter()
  const turns = new RoundRobin()
  const consumers = new Consumers(hookDeadline)
  const deadLetters = new DeadLetterBox(now)
  const desk = new CommandDispatcher(deadLetters, message => log?.error(message))

  const post = <Content>(name: string, content: Content, priority = 0): KytosEvent<Content> => {
    const event = Object.freeze({
      id: randomUUID(),
      name,
      content,
      timestamp: now(),
      priority,
      reinjections: 0,
    })
    outsideHook(() => exchange.post(event))
    return event
  }

  const failed = (inbox: Inbox, event: KytosEvent, error: unknown): void => {
    deadLetters.add(inbox.name, event, error, again => {
      // Never folded: it is older than what waits there, and as the last of its subject it would turn time
      // back.
      inbox.post({ place: exchange.place(), foldable: false, event: again })
      return !inbox.closed
    })
    const { message, code } = describeError(error)
    // Whole backlogs are given up at once; the inbox has said so in one line.
    if (code !== 'LISTENER_SLOW') log?.warn(`Listener ${inbox.name} failed on "${event.name}": ${message}`)
  }

  const view = (actor: Actor): Bus => ({
    actor,
    emit(name: string, content: object = {}, options: EmitOptions = {}) {
      checkEventName(name)
      if (isReserved(name)) throw forged(name, actor)
      checkContent(name, content)
      if (!isCommand(name)) return post(name, content, options.priority)
      refuseInHook(name)
      const event = post(name, { ...content, actor }, options.priority)
      desk.take(event)
      return event
    },
    on(to: string | RegExp, listener: Listener<never>, options: ListenOptions = {}): Unsubscribe {
      if (!types.isRegExp(to)) checkEventName(to)
      return exchange.subscribe(
        to,
        new Inbox({
          name: options.name ?? actor.name,
          // The overloads of Bus type the content by the name that is listened to.
          listener: listener as Listener,
          namespace: options.namespace,
          turns,
          failed,
          behind: what => log?.warn(what),
        }),
      )
    },
    consume: (namespace, consumer = {}) => consumers.add(namespace, actor.name, consumer),
  })

  return {
    ...view(SYSTEM),
    view,
    announce: (name, content) => post(name, deepFreeze(content)),
    serve: (name, handler) => desk.serve(name, handler),
    onAnswer: listener => desk.onAnswer(listener),
    backlog: () => exchange.backlog(),
    deadLetters,
    consumers,
    census: () => ({
      ...exchange.census(),
      handlers: desk.size,
      deadLetters: deadLetters.size,
      consumers: consumers.size,
    }),
  }
}

/**
 * ISO 8601 timestamps in UTC; printing one costs more than posting an event, so one is printed once a
 * millisecond.
 */
function createTimestamps(clock: () => number): () => string {
  let at = Number.NaN
  let text = ''
  return () => {
    const time = clock()
    if (time !== at) {
      at = time
      text = new Date(time).toISOString()
    }
    return text
  }
}

function checkContent(name: string, content: unknown): void {
  if (typeof content === 'object' && content !== null && !Array.isArray(content)) return
  const got = content === null ? 'null' : Array.isArray(content) ? 'an array' : typeof content
  throw new SettingsError('CONTENT_MALFORMED', `The content of "${name}" must be an object, not ${got}.`)
}

function forged(name: string, actor: Actor): SettingsError {
  return new SettingsError(
    'EVENT_RESERVED',
    `${actor.name} may not emit "${name}": the events settings.*, box.* and kytos/settings.* are reserved for the service. To change settings, send a command such as "kytos.settings.update".`,
    { details: { got: name } },
  )
}
