import { expect, it } from 'vitest'
import { armedKey } from '../../../model/key.ts'
import { loadStore } from '../../../src/transfer/load-store.ts'
import { takeSnapshot } from '../../../src/transfer/store-snapshot.ts'
import { createStore, open, openHand } from '../settings/stores.ts'
import { A, key, LONG, reaches, stored } from './stage.ts'

const LOAD = { overwrite: true, skipOversized: false, keepTokens: false, dryRun: false }

it('a backup over a store in which another change waits leaves no time: what waited in it is rolled back', async () => {
  const store = createStore()
  const [one, hand] = [await open(store), await openHand(store)]
  const arm = (a: number) =>
    one.ask('kytos.settings.update', { namespace: A, data: { a }, confirm_within: LONG })
  await one.ask('kytos.settings.update', { namespace: A, data: { a: 1 } })
  await arm(2)
  const saved = await takeSnapshot(hand, 'saved')
  await one.ask('kytos.settings.confirm', { namespace: A })
  await arm(3)
  await one.close()
  await loadStore(hand, saved, LOAD)
  expect(store.get(armedKey(key(A)))).toBeUndefined()
  await open(store, 'controller-2')
  await reaches(store, A, 'expired')
  expect(stored(store, A)).toEqual({ a: 1 })
})
