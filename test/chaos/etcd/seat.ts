import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createEtcdBackend, type EtcdOptions } from '../../../backends/etcd/index.ts'
import { ask } from '../../../events/ask.ts'
import { createBus } from '../../../events/bus.ts'
import type { Bus, KytosEvent } from '../../../events/event.ts'
import type { CommandAnswer, CommandContent, CommandName } from '../../../events/map.ts'
import { parseJson } from '../../../model/json.ts'
import { isObject, type JsonObject } from '../../../model/value.ts'
import { createService, type Service } from '../../../src/app/service.ts'
import { type Http, openHttp } from '../../../src/http/server.ts'
import type { Health } from '../../../src/watcher/readiness.ts'
import { SnapshotFile } from '../../../src/watcher/snapshot.ts'
import { keepLog } from '../../support/controller.ts'
import { freePort } from '../../support/etcd-process.ts'
import { startGuard } from '../guard-napp.ts'
import type { Heard, Listener } from '../history.ts'
import { type Player, PlayerGone } from '../stage.ts'
import { createTokenDesk } from '../token-desk.ts'

/**
 * One controller at a time in this process, at the same address and with the same snapshot file as the one
 * before it, and what each of them said.
 */
export interface Seat extends Player {
  /** Undefined while nobody sits here. */
  readonly health: Health | undefined
  /** What was heard on each bus there was, in order. */
  readonly listeners: readonly Listener[]
  /** The last lines of all logs. */
  readonly log: readonly string[]
  /** Starts a controller if there is none; resolves when it has data to answer from. */
  start(): Promise<void>
  stop(): Promise<void>
  /** Forgets what the last controller knew. */
  forget(): Promise<void>
}

/** A controller that was started. */
interface Sitting {
  readonly service: Service
  readonly http: Http
  readonly bus: Bus
  /** Rejects when it has ended. */
  readonly gone: Promise<never>
  end(): Promise<void>
}

const START_TIMEOUT = 30_000
/** Milliseconds between two comparisons of a cache with the store. */
const RECONCILE = 2_000
/** Higher than any place in a revision: after it comes the next revision. */
const LAST_PLACE = 999_999_999

/** A place for a controller on this store, taken by none yet; `folder` holds what it keeps for itself. */
export async function createSeat(id: string, etcd: EtcdOptions, folder: string): Promise<Seat> {
  const port = await freePort()
  const file = join(folder, id, 'snapshot.json')
  const listeners: { listener: Listener; lasted: boolean }[] = []
  const lines: string[] = []
  let sitting: Sitting | undefined

  const sit = async (): Promise<Sitting> => {
    const log = keepLog(lines)
    const root = createBus({ log })
    startGuard(root, id)
    const snapshot = new SnapshotFile(file, `etcd ${etcd.endpoints.join(',')} ${etcd.prefix}`, log)
    const service = createService(report => createEtcdBackend(etcd, { report }), {
      bus: root,
      controller: id,
      strict: false,
      log,
      snapshot,
      startTimeout: START_TIMEOUT,
      pace: { reconcile: RECONCILE },
    })
    const recording = record(`bus ${listeners.length + 1} of ${id}`, id, await knownSince(file))
    listeners.push(recording)
    service.feed.follow(undefined, recording.say)
    root.on(/settings\..*|box\..*/, recording.hear)
    const http = await openHttp({
      bus: root,
      feed: service.feed,
      health: service.health,
      listen: '127.0.0.1',
      port,
      log,
      grace: 1_000,
    })
    const ended = new AbortController()
    const end = async (): Promise<void> => {
      try {
        await http.close()
      } finally {
        await service.close()
        recording.lasted = false
        ended.abort()
      }
    }
    try {
      await service.start()
    } catch (error) {
      await end()
      throw error
    }
    return {
      service,
      http,
      bus: root.view({ type: 'napp', name: 'kytos/chaos' }),
      gone: rejectOnce(ended.signal, id),
      end,
    }
  }

  /** What the controller of now does, unless it ends before. */
  const within = async <T>(work: (controller: Sitting) => Promise<T>): Promise<T> => {
    if (!sitting) throw new PlayerGone(`${id} is not there.`)
    return Promise.race([work(sitting), sitting.gone])
  }

  return {
    id,
    url: `http://127.0.0.1:${port}`,
    log: lines,
    get health() {
      return sitting?.service.health()
    },
    get listeners() {
      return listeners.map(({ listener }) => listener)
    },
    async ask<N extends CommandName>(name: N, content: CommandContent<N>): Promise<CommandAnswer<N>> {
      return within(({ bus }) => ask(bus, name, content))
    },
    tokens: {
      make: name => within(({ service }) => createTokenDesk(service).make(name)),
      revoke: token => within(({ service }) => createTokenDesk(service).revoke(token)),
      check: token => within(({ service }) => createTokenDesk(service).check(token)),
    },
    start: async () => {
      sitting ??= await sit()
    },
    stop: async () => {
      const was = sitting
      sitting = undefined
      await was?.end()
    },
    forget: () => rm(file, { force: true }),
  }
}

/** A listener that keeps what it hears. */
function record(name: string, controller: string, since: string | undefined) {
  const heard: Heard[] = []
  const said = new Map<string, bigint>()
  const recording = {
    lasted: true,
    listener: {
      name,
      controller,
      kind: 'bus' as const,
      since,
      heard,
      get lasted() {
        return recording.lasted
      },
    },
    /** An answer may come once a fact was said; a listener with a backlog hears it later. */
    say: ({ id }: KytosEvent): void => {
      said.set(id, process.hrtime.bigint())
    },
    hear: (event: KytosEvent): void => {
      // A fact's content is frozen JSON.
      heard.push({
        name: event.name,
        content: event.content as JsonObject,
        at: said.get(event.id) ?? process.hrtime.bigint(),
      })
      said.delete(event.id)
    },
  }
  return recording
}

/** The place up to which a controller that starts from this file knows everything; undefined without one. */
async function knownSince(file: string): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch(error => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  const snapshot = text === undefined ? undefined : parseJson(text)
  return isObject(snapshot) ? `${snapshot.epoch}.${snapshot.revision}.${LAST_PLACE}` : undefined
}

function rejectOnce(signal: AbortSignal, id: string): Promise<never> {
  const gone = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new PlayerGone(`${id} ended before it answered.`)), {
      once: true,
    })
  })
  // Nobody may be asking when it ends.
  gone.catch(() => undefined)
  return gone
}
