import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createEtcdBackend } from '../../backends/etcd/index.ts'
import { ask } from '../../events/ask.ts'
import { readHeader } from '../../src/secrets/compact-jwe.ts'
import { createKeySet, currentKey, type KeySet, withNewKey } from '../../src/secrets/key-set.ts'
import { memoryKeySource } from '../../src/secrets/key-source.ts'
import { type Controller, openController } from '../support/controller.ts'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'

/*
 * Keys that are rotated on three controllers of one etcd, one after the other, while all of them write as fast
 * as they can: nothing is lost, and no guard fails. `npm run test:rotation` takes longer.
 */

const SECONDS = Number(process.env.ROTATION_SECONDS ?? 1)
const CONTROLLERS = 3
const WRITERS = 3
/** The documents of a writer, which it changes together. */
const DOCUMENTS = SECONDS > 1 ? 30 : 6
const WAIT = { timeout: 120_000, interval: 100 }
const SCHEMA = {
  type: 'object',
  properties: { n: { type: 'number' }, password: { type: 'string', 'x-sensitive': true } },
}

let etcd: EtcdServer
beforeAll(async () => {
  etcd = await startEtcd()
})
afterAll(() => etcd.stop())

/** A controller that is replaced by one with other keys; no command is in progress meanwhile. */
class Seat {
  readonly id: string
  #controller: Promise<Controller>
  readonly #inProgress = new Set<Promise<unknown>>()

  constructor(id: string, keys: KeySet) {
    this.id = id
    this.#controller = this.#open(keys)
  }

  get controller(): Promise<Controller> {
    return this.#controller
  }

  async run<T>(work: (controller: Controller) => Promise<T>): Promise<T> {
    const running = work(await this.#controller)
    this.#inProgress.add(running)
    return running.finally(() => this.#inProgress.delete(running))
  }

  async restart(keys: KeySet): Promise<void> {
    const old = this.#controller
    this.#controller = (async () => {
      const controller = await old
      await Promise.allSettled(this.#inProgress)
      await controller.close()
      return this.#open(keys)
    })()
    await this.#controller
  }

  #open(keys: KeySet): Promise<Controller> {
    return openController({
      id: this.id,
      keys: memoryKeySource(keys),
      startTimeout: 30_000,
      backend: report =>
        createEtcdBackend({ endpoints: etcd.endpoints, prefix: '/kytos', timeout: 10 }, { report }),
    })
  }
}

/** Changes its documents, each change guarded by the revision that the one before it returned. */
async function write(seat: Seat, name: string, isOver: () => boolean) {
  const namespaces = Array.from({ length: DOCUMENTS }, (_, i) => `${name}/napp_${i}`)
  let revisions: readonly string[] = namespaces.map(() => '0')
  let n = 0
  let password = ''
  for (; !isOver(); n++) {
    if (n % 5 === 0) password = `secret-${name}-${n}`
    const operations = namespaces.map((namespace, i) => ({
      namespace,
      data: n % 5 === 0 ? { n, password } : { n },
      ...(n > 0 && { revision: revisions[i] ?? '' }),
    }))
    const { settings } = await seat.run(({ root }) => {
      // As an operator with the permission "secrets": others set at most 20 secrets a minute.
      const view = root.view({ type: 'user', name }, { mayReadSecrets: true })
      return ask(view, 'kytos.settings.transaction', { operations })
    })
    revisions = settings.map(({ revision }) => revision)
  }
  return { namespaces, n, password }
}

/** The ids of the keys that seal the store. */
async function kidsOfStore(): Promise<readonly (string | undefined)[]> {
  const texts = Object.values(await etcd.client.getAll().prefix('/kytos/').strings())
  const sealed = texts.flatMap(text => text.match(/[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+/g) ?? [])
  return [...new Set(sealed.map(text => readHeader(text)?.kid))]
}

it('a rotation on three controllers under load loses nothing, and no guard fails for it', async () => {
  const old = createKeySet()
  const keys = withNewKey(old)
  const seats: Seat[] = []
  for (let i = 1; i <= CONTROLLERS; i++) {
    const seat = new Seat(`controller-${i}`, old)
    await seat.controller
    seats.push(seat)
  }
  const [first] = seats as [Seat]
  await Promise.all(
    Array.from({ length: WRITERS * DOCUMENTS }, (_, i) =>
      first.run(({ ask }) =>
        ask('kytos.settings.register', {
          namespace: `writer${i % WRITERS}/napp_${Math.floor(i / WRITERS)}`,
          schema: SCHEMA,
        }),
      ),
    ),
  )
  const began = performance.now()
  let isOver = false
  const writers = Array.from({ length: WRITERS }, (_, i) =>
    write(seats[i % CONTROLLERS] ?? first, `writer${i}`, () => isOver),
  )
  // A writer that fails ends the test at once.
  const failed = Promise.all(writers)
  const pause = () => Promise.race([sleep((SECONDS * 1_000) / (CONTROLLERS + 1)), failed])
  await pause()
  for (const seat of seats) {
    await seat.restart(keys)
    await pause()
  }
  isOver = true
  const results = await failed
  const changes = results.reduce((sum, { n }) => sum + n * DOCUMENTS, 0)
  const rate = Math.round((changes * 1_000) / (performance.now() - began))
  console.log(`${changes} changes with guards, ${rate}/s, on ${CONTROLLERS} controllers`)
  await expect.poll(kidsOfStore, WAIT).toEqual([currentKey(keys).kid])
  for (const { namespaces, n, password } of results)
    for (const namespace of namespaces) {
      const settings = await first.run(({ root }) =>
        ask(root.view({ type: 'napp', name: namespace }), 'kytos.settings.retrieve', { namespace }),
      )
      expect(settings).toMatchObject({ data: { n: n - 1, password }, version: n })
    }
  for (const seat of seats) {
    const { changes: facts, close } = await seat.controller
    const resealed = facts.filter(({ content }) => content.kind === 'resealed')
    expect(resealed.flatMap(({ content }) => ('changes' in content ? content.changes : []))).toEqual([])
    await close()
  }
}, 300_000)
