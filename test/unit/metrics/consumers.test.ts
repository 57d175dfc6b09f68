import { Registry } from 'prom-client'
import { expect, it } from 'vitest'
import type { ConsumerState } from '../../../events/commands/consumer-nouns.ts'
import { measureConsumers } from '../../../src/metrics/consumers.ts'
import { samples } from './samples.ts'

it('counts each namespace that is not applied once for each status, and returns to 0', async () => {
  const registry = new Registry()
  let consumers: readonly ConsumerState[] = []
  measureConsumers(registry, () => consumers)
  const one = (status: ConsumerState['status'], napp: string, namespace = napp): ConsumerState => ({
    controller: 'c1',
    napp,
    namespace,
    status,
    revision: '1',
    reason: null,
    since: '2026-01-01T00:00:00.000Z',
  })
  const counted = async () => {
    const found = await samples(registry)
    return ['pending', 'refused', 'stale'].map(
      status => found[`kytos_settings_not_applied{status="${status}"}`],
    )
  }
  expect(await counted()).toEqual([0, 0, 0])
  consumers = [
    one('applied', 'kytos/a'),
    one('pending', 'kytos/b'),
    one('pending', 'kytos/c', 'kytos/b'),
    one('refused', 'kytos/d'),
  ]
  expect(await counted()).toEqual([1, 1, 0])
  consumers = [one('applied', 'kytos/b')]
  expect(await counted()).toEqual([0, 0, 0])
})
