import { expect, vi } from 'vitest'
import type { Facts } from '../../../events/map.ts'
import { parseJson } from '../../../model/json.ts'
import { armedKey, historyKey, makeKey, pendingKey } from '../../../model/key.ts'
import type { Controller } from '../../support/controller.ts'
import { readDocument, type Store } from '../settings/stores.ts'

export const A = 'kytos/a'
export const B = 'kytos/b'
/** The time of a confirmation that never passes in a test. */
export const LONG = 3_600
/** The time within which a test expects what it waits for, in milliseconds. */
export const SOON = { timeout: 20_000, interval: 10 }

export const key = (namespace: string) => makeKey('settings', ...namespace.split('/'))

/** Ends the time of the documents, as the store itself does. */
export function expire(store: Store, ...namespaces: readonly string[]): void {
  store.commit(namespaces.map(one => ({ key: armedKey(key(one)), delete: true })))
}

/** The stored overrides of a namespace; undefined without any. */
export function stored(store: Store, namespace: string): unknown {
  const { text } = readDocument(store, key(namespace))
  return text === undefined ? undefined : parseJson(text)
}

/** The stored state of a confirmed commit at a namespace: how it ended, `waits`, or undefined. */
export function stateOf(store: Store, namespace: string): string | undefined {
  const text = store.get(pendingKey(key(namespace)))?.text
  if (text === undefined) return undefined
  return /"ended":"(\w+)"/.exec(text)?.[1] ?? 'waits'
}

/** Waits until the state at a namespace is this one. */
export async function reaches(store: Store, namespace: string, state: string): Promise<void> {
  await vi.waitFor(() => expect(stateOf(store, namespace)).toBe(state), SOON)
}

/** The facts `settings.pending` that a controller announced, as `<namespace> <kind>`. */
export function told({ facts }: Controller): readonly string[] {
  return facts
    .filter(({ name }) => name === 'settings.pending')
    .map(({ content }) => {
      const { namespace, kind } = content as Facts['settings.pending'] // The content of this name.
      return `${namespace} ${kind}`
    })
}

/** Writes a document as another program does, without a history record. */
export function editByHand(store: Store, namespace: string, text: string | undefined): void {
  const at = key(namespace)
  store.commit([text === undefined ? { key: at, delete: true } : { key: at, put: text }])
}

/** True when the history of a namespace has a record of this version. */
export function keeps(store: Store, namespace: string, version: number): boolean {
  return store.get(historyKey(key(namespace), version)) !== undefined
}
