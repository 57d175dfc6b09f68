import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Feed } from '../../../events/feed.ts'
import { SettingsError } from '../../../model/errors.ts'
import type { Auth } from '../auth/auth.ts'
import { callerOf } from '../auth/caller.ts'
import { Query } from '../messages/query.ts'
import { route } from '../messages/routes.ts'
import { ROUTES } from '../openapi/openapi-routes.ts'
import { EventStream } from './event-stream.ts'

export interface EventRoutesOptions {
  readonly feed: Feed
  /** Milliseconds between two heartbeats. */
  readonly heartbeat: number
  /** Ends a stream when the credential of its request ends. */
  readonly guard: Auth['guard']
}

export interface EventRoutes {
  /** The number of connected readers. */
  readonly readers: number
  /** Ends every stream after its queued events are sent. */
  end(reason: string): void
}

/** `GET /events`: facts as Server-Sent Events. */
export function addEventRoutes(
  app: FastifyInstance,
  { feed, heartbeat, guard }: EventRoutesOptions,
): EventRoutes {
  const streams = new Set<EventStream>()
  let endReason: string | undefined
  const beats = setInterval(() => {
    for (const stream of streams) stream.beat()
  }, heartbeat)
  beats.unref()

  // Not before, because after the end the beats find readers that do not read.
  app.addHook('onClose', async () => clearInterval(beats))

  route(app, ROUTES.events, {
    GET: (request, reply) => {
      const query = new Query(request)
      const stream = new EventStream(reply.raw, new Set(query.list('namespace')))
      const { visibility } = callerOf(request)
      stream.open({ feed, visibility }, lastEventId(request) ?? query.text('since'), () =>
        streams.delete(stream),
      )
      streams.add(stream)
      reply.raw.once(
        'close',
        guard(request, reason => stream.end(reason)),
      )
      // The request may have been accepted just before the stop.
      if (endReason !== undefined) stream.end(endReason)
      reply.hijack()
    },
  })

  return {
    get readers() {
      return streams.size
    },
    end(reason) {
      endReason = reason
      for (const stream of streams) stream.end(reason)
    },
  }
}

/**
 * The cursor of a reconnecting reader; it precedes `since` in the URL, which stays the same on a reconnect.
 */
function lastEventId(request: FastifyRequest): string | undefined {
  const id = request.headers['last-event-id']
  if (Array.isArray(id))
    throw new SettingsError(
      'CURSOR_MALFORMED',
      'The header Last-Event-ID is present more than once; once is allowed.',
    )
  return id === '' ? undefined : id
}
