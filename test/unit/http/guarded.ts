import { onTestFinished } from 'vitest'
import { createMemoryBackend, type createMemoryStore } from '../../../backends/memory/index.ts'
import { createBus } from '../../../events/bus.ts'
import { EVERYTHING } from '../../../model/key.ts'
import type { Permission } from '../../../model/permissions.ts'
import { createService, type Service } from '../../../src/app/service.ts'
import type { AuthOptions } from '../../../src/http/auth/auth.ts'
import { type HttpOptions, openHttp } from '../../../src/http/server.ts'
import { createMetrics } from '../../../src/metrics/metrics.ts'
import { keepLog } from '../../support/controller.ts'
import { type Rig, send } from './harness.ts'

/** A server that asks for tokens, in front of the real service. */
export interface GuardedRig extends Rig {
  readonly service: Service
  /** A new token of these rights, and how it is shown. */
  token(
    rights: readonly Permission[],
    name?: string,
    expires_in?: number,
  ): Promise<{ readonly id: string; readonly token: string; readonly headers: Headers }>
}

type Headers = { readonly authorization: string }

export const bearer = (token: string): Headers => ({ authorization: `Bearer ${token}` })

/** A way to tell whether anything changed in a store: everything in it, and at which revision. */
export async function watchStore(
  store: ReturnType<typeof createMemoryStore>,
): Promise<() => Promise<readonly string[]>> {
  const look = createMemoryBackend(undefined, store)
  await look.open()
  return async () => {
    const found: string[] = []
    for await (const page of (await look.list(EVERYTHING)).pages)
      for (const { key, modRevision: revision, text } of page) found.push(`${key}@${revision} ${text}`)
    return found
  }
}

const ADMIN = { type: 'user', name: 'tester' } as const

/** Opens a service, on a store of its own unless another one is given, and the server before it. */
export async function openGuardedRig(
  auth: Partial<AuthOptions> = {},
  options: Partial<Pick<HttpOptions, 'hosts' | 'certificate' | 'heartbeat' | 'grace'>> = {},
  store?: Parameters<typeof createMemoryBackend>[1],
  controller = 'controller-1',
): Promise<GuardedRig> {
  const log = keepLog()
  const bus = createBus({ log })
  const service = createService(report => createMemoryBackend({ report }, store), {
    bus,
    controller,
    strict: false,
    log,
    startTimeout: 10_000,
  })
  await service.start()
  onTestFinished(() => service.close())
  const { feed, health, tokens, fileProblems } = service
  const metrics = createMetrics({ feed, health, fileProblems })
  const http = await openHttp({
    bus,
    feed,
    health,
    metrics,
    log,
    listen: '127.0.0.1',
    port: 0,
    auth: { required: true, tokens, ...auth },
    ...options,
  })
  onTestFinished(() => http.close())
  return {
    bus,
    http,
    log,
    service,
    send: (method, path, more) => send(http.port, method, path, more),
    token: async (rights, name = rights.join('-'), expires_in) => {
      const { id, token } = await tokens.create({ name, rights, expires_in }, ADMIN)
      return { id, token, headers: bearer(token) }
    },
  }
}
