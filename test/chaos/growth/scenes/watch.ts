import { setTimeout as delay } from 'node:timers/promises'
import type { Backend } from '../../../../backends/backend.ts'
import { createEtcdBackend } from '../../../../backends/etcd/index.ts'
import { createFilesystemBackend } from '../../../../backends/filesystem/index.ts'
import { createMemoryBackend } from '../../../../backends/memory/index.ts'
import { ask } from '../../../../events/ask.ts'
import { createBus } from '../../../../events/bus.ts'
import { toSettingsError } from '../../../../model/errors.ts'
import { parseKey } from '../../../../model/key.ts'
import { createService } from '../../../../src/app/service.ts'
import { SnapshotFile } from '../../../../src/watcher/snapshot.ts'
import { openController } from '../../../support/controller.ts'
import { startTcpProxy, type TcpProxy } from '../../../support/tcp-proxy.ts'
import { createCountedLog } from '../counted-log.ts'
import { type Growth, measure, read } from '../gauge.ts'

interface Size {
  readonly operations: number
  readonly rounds: number
}

interface Store {
  readonly backend: 'memory' | 'filesystem' | 'etcd'
  readonly folder: string
  readonly port?: number
}

const SURROUNDINGS = { report: () => {} }

/** Watches of one backend come and go, on behalf of a caller who goes on living, as the watcher does. */
export async function watches({ operations, rounds, ...store }: Size & Store): Promise<Growth> {
  const proxy = await startTcpProxy(store.port ?? 1)
  const backend = openStore(store, [proxy])
  await backend.open()
  const key = parseKey('boxes/net/1')
  if (!key) throw new Error('This is a key.')
  const outcome = await backend.commit([{ key, put: '1' }])
  if (!outcome.committed) throw new Error('A put without a guard is committed.')
  const { revision } = outcome
  const forever = new AbortController()
  let given = 0
  const growth = await measure(rounds, operations, async () => {
    for (let n = 0; n < operations; n++) {
      const end = new AbortController()
      const leave = (): void => end.abort()
      forever.signal.addEventListener('abort', leave)
      for await (const batch of backend.watch(revision - 1n, n % 2 ? end.signal : forever.signal)) {
        given += batch.changes.length
        if (n % 2) end.abort()
        else break
      }
      forever.signal.removeEventListener('abort', leave)
    }
  })
  await backend.close()
  await proxy.close()
  return { ...growth, seen: { given } }
}

/**
 * A service whose line to etcd is cut again and again; with several endpoints each cut makes it turn to
 * another one.
 */
export async function cuts({
  operations,
  rounds,
  endpoints,
  ...store
}: Size & Store & { readonly endpoints: number }): Promise<Growth> {
  const proxies = await Promise.all(Array.from({ length: endpoints }, () => startTcpProxy(store.port ?? 1)))
  const log = createCountedLog()
  const bus = createBus({ log })
  const pace = { pauses: [1, 5], confirmation: 5_000 } as const
  const service = createService(() => openStore(store, proxies), {
    bus,
    controller: 'one',
    strict: false,
    log,
    startTimeout: 10_000,
    pace,
  })
  let ready = 0
  let wake = (): void => {}
  bus.on('settings.state', ({ content }) => {
    if (content.state !== 'READY') return
    ready++
    wake()
  })
  await service.start()
  await ask(bus, 'kytos.settings.update', { namespace: 'kytos/a', data: { a: 1 } })
  const growth = await measure(rounds, operations, async () => {
    for (let n = 0; n < operations; n++) {
      const again = new Promise<void>(resolve => {
        wake = resolve
      })
      for (const proxy of proxies) proxy.cut()
      await again
      if (n % 10 === 0) await ask(bus, 'kytos.settings.update', { namespace: 'kytos/a', data: { a: n % 3 } })
    }
  })
  await service.close()
  await Promise.all(proxies.map(proxy => proxy.close()))
  return { ...growth, seen: { ready, connections: proxies.map(({ connections }) => connections).join('+') } }
}

/** Changes in flight all at once, of one document and of many, while etcd is away. */
export async function burst({
  operations,
  rounds,
  trouble,
  ...store
}: Size & Store & { readonly trouble: 'refuse' | 'stall' }): Promise<Growth> {
  const proxy = await startTcpProxy(store.port ?? 1)
  const log = createCountedLog()
  const bus = createBus({ log })
  const service = createService(() => openStore(store, [proxy]), {
    bus,
    controller: 'one',
    strict: false,
    log,
    startTimeout: 10_000,
  })
  await service.start()
  await ask(bus, 'kytos.settings.update', { namespace: 'kytos/a', data: { a: 1 } })
  const answers: Record<string, number> = {}
  let longest = 0
  proxy[trouble]()
  const growth = await measure(rounds, operations, async () => {
    const began = performance.now()
    const changes = Array.from({ length: operations }, (_, n) =>
      ask(
        bus,
        'kytos.settings.update',
        { namespace: n % 10 ? `kytos/n${n}` : 'kytos/a', data: { n } },
        { timeout: 300_000 },
      ).then(
        () => 'OK',
        error => toSettingsError(error).code,
      ),
    )
    for (const code of await Promise.all(changes)) answers[code] = (answers[code] ?? 0) + 1
    longest = Math.max(longest, performance.now() - began)
  })
  await service.close()
  await proxy.close()
  return { ...growth, seen: { ...answers, longest: Math.round(longest) } }
}

/** The last known state is written again and again. */
export async function snapshots({ operations, rounds, folder }: Size & Store): Promise<Growth> {
  const log = createCountedLog()
  const snapshot = new SnapshotFile(`${folder}/snapshot.json`, 'memory', log)
  const controller = await openController({ snapshot })
  const { log: _log, ...asked } = controller
  const growth = await measure(rounds, operations, async () => {
    for (let n = 0; n < operations; n++) {
      await asked.ask('kytos.settings.update', { namespace: 'kytos/a', data: { a: n } })
    }
    await delay(0)
  })
  await controller.close()
  await read()
  return { ...growth, seen: { warnings: log.count } }
}

function openStore({ backend, folder }: Store, proxies: readonly TcpProxy[]): Backend {
  if (backend === 'memory') return createMemoryBackend(SURROUNDINGS)
  if (backend === 'filesystem') return createFilesystemBackend({ path: `${folder}/store` }, SURROUNDINGS)
  return createEtcdBackend(
    { endpoints: proxies.map(({ port }) => `http://127.0.0.1:${port}`), prefix: '/kytos', timeout: 5 },
    SURROUNDINGS,
  )
}
