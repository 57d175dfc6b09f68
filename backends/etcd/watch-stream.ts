import type { IWatchRequest, IWatchResponse, WatchClient } from 'etcd3'
import type { EndpointPool } from './connection/endpoint-pool.ts'

type WatchOptions = NonNullable<Parameters<WatchClient['watch']>[0]>
type Interceptor = NonNullable<WatchOptions['interceptors']>[number]

/**
 * One raw watch stream. It is read during the iteration, so that a slow reader slows the server down and does
 * not fill the memory of this process. The iteration ends without an error, for whatever reason.
 */
export interface WatchStream {
  readonly responses: AsyncIterable<IWatchResponse>
  /** The reason why the stream ended early. */
  readonly failure: Error | undefined
  write(request: IWatchRequest): void
  /** Ends the stream, with the reason if that is a failure. */
  cancel(failure?: Error): void
}

/**
 * Makes the server end the stream when it has no leader; otherwise a member without a connection to the
 * others would stay silent forever.
 */
const LEADER_REQUIRED: WatchOptions = {
  interceptors: [
    (options, next) => {
      const call = next(options)
      const start = call.start.bind(call)
      call.start = (metadata, listener) => {
        // A copy, because the client uses the metadata for its other calls too.
        const own = metadata.clone()
        own.set('hasleader', 'true')
        start(own, listener)
      }
      // The cast: `next` returns all methods of the expected class, which differs in its private fields only.
      return call as ReturnType<Interceptor>
    },
  ],
}

/** Opens a stream on the endpoint in use. @throws Error of etcd3 when it gets no token. */
export async function openWatchStream(pool: EndpointPool): Promise<WatchStream> {
  const stream = await pool.client.watchClient.watch(LEADER_REQUIRED)
  let failure: Error | undefined
  stream.on('error', error => {
    failure ??= error
  })

  async function* responses(): AsyncGenerator<IWatchResponse> {
    try {
      // The cast: streams of grpc-js are object streams of Node, but the type of etcd3 has only their events.
      yield* stream as unknown as AsyncIterable<IWatchResponse>
    } catch (error) {
      failure ??= error instanceof Error ? error : new Error(String(error))
    }
  }

  const opened: WatchStream = {
    responses: responses(),
    get failure() {
      return failure
    },
    write: request => stream.write(request),
    cancel: reason => {
      failure ??= reason
      pool.streams.delete(opened)
      // Ended first: when a writable stream is cancelled, etcd3 assumes that the host failed and closes the
      // connection, which other watches use.
      stream.end()
      stream.cancel()
    },
  }
  pool.streams.add(opened)
  return opened
}
