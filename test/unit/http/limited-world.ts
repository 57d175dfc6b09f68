import { onTestFinished } from 'vitest'
import type { FileProblem } from '../../../backends/backend.ts'
import { createMemoryBackend, createMemoryStore } from '../../../backends/memory/index.ts'
import { ask } from '../../../events/ask.ts'
import { createBus } from '../../../events/bus.ts'
import type { RootBus } from '../../../events/event.ts'
import type { CommandContent, CommandName } from '../../../events/map.ts'
import type { NAppStatus } from '../../../events/nouns.ts'
import { tokenKey } from '../../../model/key.ts'
import { overridesKey, parseNamespace, parseScope } from '../../../model/namespace.ts'
import type { Permission } from '../../../model/permissions.ts'
import { createService, type Service } from '../../../src/app/service.ts'
import { openHttp } from '../../../src/http/server.ts'
import { createMetrics } from '../../../src/metrics/metrics.ts'
import { createTokenText, hashToken, printStoredToken } from '../../../src/tokens/token.ts'
import { keepLog } from '../../support/controller.ts'
import { bearer } from './guarded.ts'
import { type Rig, send } from './harness.ts'

/** The limits of the token of a world. */
export interface WorldLimits {
  readonly namespaces: readonly string[]
  readonly boxes?: readonly string[]
}

/** A guarded server with a limited token, whose text is the same in every world. */
export interface LimitedWorld extends Rig {
  readonly bus: ReturnType<typeof createBus>
  readonly service: Service
  readonly headers: { readonly authorization: string }
  /** A token without limits that may do everything. */
  readonly admin: { readonly authorization: string }
  /** Replaces the stored text of the limited token, as another program would. */
  rewrite(limits: WorldLimits): Promise<void>
  /** Sends a command of the service itself. */
  ask<N extends CommandName>(name: N, content: CommandContent<N>): Promise<unknown>
  readonly revision: bigint
}

const TEXTS = { limited: createTokenText('1111111111111111'), admin: createTokenText('2222222222222222') }

function stored(
  id: string,
  text: string,
  rights: readonly Permission[],
  limits: Partial<WorldLimits> = {},
): string {
  return printStoredToken({
    id,
    name: id === '1111111111111111' ? 'limited' : 'admin',
    rights,
    hash: hashToken(text),
    created_at: '2026-01-01T00:00:00.000Z',
    created_by: { type: 'user', name: 'tester' },
    expires_at: null,
    ...(limits.namespaces && { boxes: [], ...limits }),
  })
}

/** The file problem of a document of a namespace. */
export function fileProblem(namespace: string): FileProblem {
  const key = overridesKey(parseNamespace(namespace), parseScope(undefined, 'c1'))
  return {
    key,
    source: `/store/${namespace}.json`,
    code: 'FILE_MISSING',
    message: `${namespace} is missing.`,
  }
}

/** Opens a world on a store in memory; `hidden` are the NApps and files that it has besides. */
export async function openLimitedWorld(
  { limits, rights = ['admin'] }: { readonly limits: WorldLimits; readonly rights?: readonly Permission[] },
  { napps = [], files = [] }: { readonly napps?: readonly string[]; readonly files?: readonly string[] } = {},
): Promise<LimitedWorld> {
  const store = createMemoryStore()
  const other = createMemoryBackend(undefined, store)
  await other.open()
  const put = (id: string, text: string, more?: WorldLimits) =>
    other.commit([{ key: tokenKey(id), put: stored(id, text, more ? rights : ['admin'], more) }])
  await put('1111111111111111', TEXTS.limited, limits)
  await put('2222222222222222', TEXTS.admin)
  const log = keepLog()
  const bus: RootBus & ReturnType<typeof createBus> = createBus({ log })
  const states = napps.map(
    (napp): NAppStatus => ({
      napp,
      state: 'running',
      version: null,
      since: '2026-01-01T00:00:00.000Z',
      reason: null,
      stamp: 's',
    }),
  )
  const service = createService(
    report =>
      Object.assign(createMemoryBackend({ report }, store), { fileProblems: () => files.map(fileProblem) }),
    { bus, controller: 'c1', strict: false, log, startTimeout: 10_000, napps: () => states },
  )
  await service.start()
  onTestFinished(() => service.close())
  const { feed, health, tokens, fileProblems } = service
  const http = await openHttp({
    bus,
    feed,
    health,
    metrics: createMetrics({ feed, health, fileProblems }),
    log,
    listen: '127.0.0.1',
    port: 0,
    auth: { required: true, tokens },
  })
  onTestFinished(() => http.close())
  const owner = bus.view({ type: 'user', name: 'owner' })
  return {
    bus,
    http,
    log,
    service,
    headers: bearer(TEXTS.limited),
    admin: bearer(TEXTS.admin),
    send: (method, path, more) => send(http.port, method, path, more),
    rewrite: async more => void (await put('1111111111111111', TEXTS.limited, more)),
    ask: (name, content) => ask(owner, name, content),
    get revision() {
      return health().revision
    },
  }
}
