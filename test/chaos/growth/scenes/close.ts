import { setTimeout as delay } from 'node:timers/promises'
import type { Backend } from '../../../../backends/backend.ts'
import { createEtcdBackend } from '../../../../backends/etcd/index.ts'
import { createFilesystemBackend } from '../../../../backends/filesystem/index.ts'
import { createMemoryBackend } from '../../../../backends/memory/index.ts'
import { ask } from '../../../../events/ask.ts'
import { type CountedBus, createBus } from '../../../../events/bus.ts'
import { toSettingsError } from '../../../../model/errors.ts'
import { createService, type Service } from '../../../../src/app/service.ts'
import { type Http, openHttp } from '../../../../src/http/server.ts'
import { SnapshotFile } from '../../../../src/watcher/snapshot.ts'
import { startTcpProxy, type TcpProxy } from '../../../support/tcp-proxy.ts'
import { createCountedLog } from '../counted-log.ts'
import { dial, EVENTS, get, says, unfinished } from '../server.ts'

interface Store {
  readonly backend: 'memory' | 'filesystem' | 'etcd'
  /** Where the filesystem's store and the snapshot are. */
  readonly folder: string
  /** Where etcd is; nobody listens on port 1. */
  readonly port?: number
}

interface Trouble extends Store {
  /** What befalls the line to etcd once the service is ready, or before it starts. */
  readonly trouble?: 'stall' | 'refuse' | 'swallowAnswers'
  readonly before?: true
  /** Milliseconds from the trouble to the close. */
  readonly after: number
}

/** What the close was like. */
export interface Closing {
  /** Milliseconds that it took. */
  readonly took: number
  /** How many changes were answered, in what way. */
  readonly answers: Readonly<Record<string, number>>
}

/** How many ways to etcd there are: each is given half of the timeout when the store is opened. */
const ENDPOINTS = 3

/** Milliseconds that a request without its body may take; only what is beyond them is of interest. */
const GRACE = 500

/**
 * Closes a service while everything that can be open is: streams, requests, listeners, commits, a watch, and
 * a line to the store in trouble.
 */
export async function closeAmidWork(options: Trouble): Promise<Closing> {
  const proxy = await startTcpProxy(options.port ?? 1)
  const log = createCountedLog()
  const bus = createBus({ log })
  const snapshot = new SnapshotFile(`${options.folder}/snapshot.json`, options.backend, log)
  const service = createService(() => createBackend(options, proxy), {
    bus,
    controller: 'one',
    strict: false,
    log,
    startTimeout: 60_000,
    snapshot,
  })
  const http = await openHttp({
    bus,
    feed: service.feed,
    health: service.health,
    listen: '127.0.0.1',
    port: 0,
    log,
    grace: GRACE,
  })
  const strike = () => (options.trouble ? proxy[options.trouble]() : undefined)
  if (options.before) strike()
  // A service that is closed while it starts says so to whoever started it.
  const starting = service.start().catch(error => toSettingsError(error).code)
  if (!options.before) await starting

  await occupy(bus, service, http)
  const answers: Record<string, number> = {}
  if (!options.before) strike()
  const writing = write(bus, code => {
    answers[code] = (answers[code] ?? 0) + 1
  })
  await delay(options.after)

  const began = performance.now()
  await http.close()
  await service.close()
  const took = performance.now() - began
  await Promise.all([writing, starting, proxy.close()])
  return { took, answers }
}

/**
 * Clients and listeners of all kinds, none of which goes by itself; they do not keep this process alive
 * either.
 */
async function occupy(bus: CountedBus, service: Service, http: Http): Promise<void> {
  bus.on(/settings\..*/, () => new Promise(() => {}))
  service.feed.follow(undefined, () => {})
  const reader = dial(http.port, get(EVENTS))
  await says(reader, 'retry')
  const others = [
    dial(http.port, get(EVENTS) + get(EVENTS)).pause(),
    dial(http.port, unfinished('/api/kytos/settings/v1/kytos/a')),
    dial(http.port, ''),
  ]
  for (const socket of [reader, ...others]) socket.unref()
}

/** Changes of one and of many documents at once; tells how each ended. */
async function write(bus: CountedBus, ended: (code: string) => void): Promise<void> {
  const changes = Array.from({ length: 200 }, (_, n) =>
    ask(
      bus,
      'kytos.settings.update',
      { namespace: n % 2 ? 'kytos/a' : `kytos/n${n}`, data: { n } },
      { timeout: 60_000 },
    ).then(
      () => ended('OK'),
      error => ended(toSettingsError(error).code),
    ),
  )
  await Promise.all(changes)
}

function createBackend({ backend, folder }: Store, proxy: TcpProxy): Backend {
  const surroundings = { report: () => {} }
  if (backend === 'memory') return createMemoryBackend(surroundings)
  if (backend === 'filesystem') return createFilesystemBackend({ path: `${folder}/store` }, surroundings)
  return createEtcdBackend(
    { endpoints: Array(ENDPOINTS).fill(`http://127.0.0.1:${proxy.port}`), prefix: '/kytos', timeout: 5 },
    surroundings,
  )
}
