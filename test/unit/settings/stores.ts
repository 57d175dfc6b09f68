import { afterEach } from 'vitest'
import type { Backend } from '../../../backends/backend.ts'
import { createMemoryBackend, createMemoryStore } from '../../../backends/memory/index.ts'
import { parseJson } from '../../../model/json.ts'
import { EVERYTHING, historyPrefix, type Key } from '../../../model/key.ts'
import { isObject, type JsonObject } from '../../../model/value.ts'
import { type Controller, type ControllerOptions, openController } from '../../support/controller.ts'

export type Store = ReturnType<typeof createMemoryStore>

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  await Promise.all(closing.splice(0).map(close => close()))
})

export const createStore = createMemoryStore

/** A backend on a store, not opened yet. */
export const on = (store: Store): Backend => createMemoryBackend({ report: () => {} }, store)

/** A controller on a store, closed after the test. */
export async function open(
  store: Store,
  id = 'controller-1',
  options: Omit<ControllerOptions, 'id'> = {},
): Promise<Controller> {
  const controller = await openController({ backend: () => on(store), ...options, id })
  closing.push(() => controller.close())
  return controller
}

/** Another program on the same store, such as `etcdctl`; closed after the test. */
export async function openHand(store: Store): Promise<Backend> {
  const hand = on(store)
  await hand.open()
  closing.push(() => hand.close())
  return hand
}

/** A document of a store: its text, and its history as the records' fields, oldest first. */
export function readDocument(
  store: Store,
  key: Key,
): { readonly text: string | undefined; readonly history: readonly JsonObject[] } {
  const history = store.list(historyPrefix(key)).map(({ text }) => {
    const record = parseJson(text)
    return isObject(record) ? record : {}
  })
  return { text: store.get(key)?.text, history }
}

/** The keys and revisions of a store: equal before and after a command that must not write. */
export const fingerprint = (store: Store): string =>
  `${store.revision} ${store.list(EVERYTHING).map(({ key, modRevision: revision }) => `${key}@${revision}`)}`

/** A backend whose watch can be held: changes are delivered after the release. */
export interface Holdable {
  readonly backend: Backend
  hold(): void
  release(): void
}

export function holdable(store: Store): Holdable {
  const backend = on(store)
  const watch = backend.watch.bind(backend)
  let held: Promise<void> | undefined
  let letGo = (): void => {}
  Object.assign(backend, {
    async *watch(...given: Parameters<Backend['watch']>) {
      for await (const batch of watch(...given)) {
        await held
        yield batch
      }
    },
  })
  return {
    backend,
    hold: () => {
      held = new Promise(resolve => {
        letGo = resolve
      })
    },
    release: () => letGo(),
  }
}
