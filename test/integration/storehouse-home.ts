import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { CommandAnswer, CommandContent, CommandName } from '../../events/map.ts'
import { type BackendChoice, loadBackend } from '../../src/boot/backend-registry.ts'
import { type Http, openHttp } from '../../src/http/server.ts'
import { type Controller, openController } from '../support/controller.ts'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'
import { type Answer, type SendOptions, send } from '../unit/http/harness.ts'

/** A controller with its HTTP server on its own real store, which may be closed and opened again. */
export interface Home {
  readonly kind: Kind
  readonly controller: Controller
  /** Sends a command on the bus, as a NApp. */
  ask<N extends CommandName>(name: N, content: CommandContent<N>): Promise<CommandAnswer<N>>
  /**
   * One request to `/api/kytos/storehouse/`, its path exactly as given; anything but text and bytes is sent
   * as JSON.
   */
  rest(method: string, path: string, data?: unknown, headers?: SendOptions['headers']): Promise<Answer>
  /** Closes the controller, runs `meanwhile` without one, and starts another one on the same store. */
  leave(meanwhile?: () => Promise<void>): Promise<void>
  /** Another program writes these bytes at the place of a document, such as `boxes/net/a`. */
  plant(document: string, bytes: string | Uint8Array): Promise<void>
}

/** The stores that people run on. */
export const KINDS = ['filesystem', 'etcd'] as const
export type Kind = (typeof KINDS)[number]

let etcd: Promise<EtcdServer> | undefined
let homes = 0

/** Ends the etcd that the homes of a file share. */
export async function endEtcd(): Promise<void> {
  await (await etcd)?.stop()
  etcd = undefined
}

/** A fresh home; it is closed when the test has finished. */
export async function openHome(kind: Kind): Promise<Home> {
  const store = kind === 'filesystem' ? await openFolder() : await openPrefix()
  let open = await enter(store)
  onTestFinished(async () => {
    await open.close()
    await store.remove()
  })
  return {
    kind,
    get controller() {
      return open.controller
    },
    ask: (name, content) => open.controller.ask(name, content),
    rest: (method, path, data, headers = {}) => {
      const asIs = data === undefined || typeof data === 'string' || data instanceof Uint8Array
      const type = data === undefined ? {} : { 'content-type': 'application/json' }
      return send(open.http.port, method, `/api/kytos/storehouse/${path}`, {
        headers: { ...type, ...headers },
        ...(data === undefined ? {} : { body: asIs ? data : { json: data } }),
      })
    },
    async leave(meanwhile) {
      await open.close()
      await meanwhile?.()
      open = await enter(store)
    },
    plant: store.plant,
  }
}

interface Store {
  readonly choice: BackendChoice
  readonly plant: Home['plant']
  readonly remove: () => Promise<void>
}

async function openFolder(): Promise<Store> {
  const path = await mkdtemp(join(tmpdir(), 'kytos-home-'))
  return {
    choice: { backend: 'filesystem', path },
    async plant(document, bytes) {
      const file = join(path, `${document}.json`)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, bytes)
    },
    remove: () => rm(path, { recursive: true, force: true }),
  }
}

async function openPrefix(): Promise<Store> {
  etcd ??= startEtcd()
  const { endpoints, client } = await etcd
  const prefix = `/home-${++homes}`
  return {
    choice: { backend: 'etcd', endpoints, prefix, timeout: 5 },
    async plant(document, bytes) {
      await client.put(`${prefix}/${document}`).value(Buffer.from(bytes))
    },
    remove: async () => {},
  }
}

async function enter({
  choice,
}: Store): Promise<{ controller: Controller; http: Http; close(): Promise<void> }> {
  const controller = await openController({ backend: await loadBackend(choice) })
  const { root: bus, log } = controller
  const { feed, health } = controller.service
  const http = await openHttp({ bus, feed, health, log, listen: '127.0.0.1', port: 0 })
  const close = async () => {
    await http.close()
    await controller.close()
  }
  return { controller, http, close }
}
