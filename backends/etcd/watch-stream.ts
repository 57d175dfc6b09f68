import type { IWatchRequest, IWatchResponse, WatchClient } from 'etcd3'
import type { EndpointPool } from './endpoint-pool.ts'

type WatchOptions = NonNullable<Parameters<WatchClient['watch']>[0]>
type Interceptor = NonNullable<WatchOptions['interceptors']>[number]

/**
 * One raw watch stream, read as it is iterated, so a slow reader holds back the server and not this process'
 * memory. Its end, however it came, is silent.
 */
export interface WatchStream {
  readonly responses: AsyncIterable<IWatchResponse>
  /** Why the stream ended early, once it has. */
  readonly failure: Error | undefined
  write(request: IWatchRequest): void
  /** Ends the stream with this reason; without one it was asked to end. */
  cancel(failure?: Error): void
}

/**
 * Asks the server to end the stream when it has lost its leader: a member cut off from the others would
 * otherwise stay silent for ever.
 */
const LEADER_REQUIRED: WatchOptions = {
  interceptors: [
    (options, next) => {
      const call = next(options)
      const start = call.start.bind(call)
      call.start = (metadata, listener) => {
        // The metadata belongs to the client, which uses it for its other calls.
        const own = metadata.clone()
        own.set('hasleader', 'true')
        start(own, listener)
      }
      // What `next` gives has all methods of the class that is asked for, which differs by its private fields
      // only.
      return call as ReturnType<Interceptor>
    },
  ],
}

/** Opens a stream on the endpoint in use. @throws what etcd3 throws when it gets no token. */
export async function openWatchStream(link: EndpointPool): Promise<WatchStream> {
  const stream = await link.client.watchClient.watch(LEADER_REQUIRED)
  let failure: Error | undefined
  stream.on('error', error => {
    failure ??= error
  })

  async function* responses(): AsyncGenerator<IWatchResponse> {
    try {
      // grpc-js streams are Node streams of objects; etcd3's type tells of their events only.
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
      link.streams.delete(opened)
      // For a stream that is cancelled while it can be written etcd3 takes the host for failed, and closes
      // the connection that other watches are on.
      stream.end()
      stream.cancel()
    },
  }
  link.streams.add(opened)
  return opened
}
