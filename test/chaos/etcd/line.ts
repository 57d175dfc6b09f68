import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts'

/**
 * The way of one controller to every endpoint of a store; `ports` are its own, in the order of the
 * endpoints'.
 */
export interface Line {
  readonly ports: readonly number[]
  /** Does something to the whole way at once. */
  each(act: (proxy: TcpProxy) => void): void
  close(): Promise<void>
}

/**
 * Opens a way through proxies to these loopback ports. Whoever else should meet the same troubles takes a way
 * `beside` it.
 */
export async function openLine(ports: readonly number[], beside: readonly Line[] = []): Promise<Line> {
  const proxies = await Promise.all(ports.map(port => startTcpProxy(port)))
  return {
    ports: proxies.map(proxy => proxy.port),
    each: act => {
      for (const proxy of proxies) act(proxy)
      for (const line of beside) line.each(act)
    },
    close: async () => {
      await Promise.all(proxies.map(proxy => proxy.close()))
    },
  }
}
