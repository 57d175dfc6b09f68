import { Registry } from 'prom-client'
import { expect, it, onTestFinished } from 'vitest'
import { createMemoryBackend, createMemoryStore } from '../../../backends/memory/index.ts'
import { ask } from '../../../events/ask.ts'
import { makeKey } from '../../../model/key.ts'
import { measureSecrets } from '../../../src/metrics/secrets.ts'
import { createKeySet, type KeySet, withNewKey } from '../../../src/secrets/key-set.ts'
import { memoryKeySource } from '../../../src/secrets/key-source.ts'
import { openController } from '../../support/controller.ts'
import { samples } from './samples.ts'

const NAMESPACE = 'kytos/test'
const SECRET = { type: 'string', 'x-sensitive': true }
const SCHEMA = { type: 'object', properties: { one: SECRET, two: SECRET, n: { type: 'number' } } }
const WAIT = { timeout: 20_000, interval: 50 }

it('counts sealed values by state, keys, resealing and refused changes, and shows no secret', async () => {
  const store = createMemoryStore()
  const open = async (keys: KeySet | undefined) => {
    const controller = await openController({
      backend: () => createMemoryBackend(undefined, store),
      keys: memoryKeySource(keys),
    })
    onTestFinished(() => controller.close())
    const registry = new Registry()
    measureSecrets(registry, controller.service.secretCounts)
    const counts = async () =>
      Object.fromEntries(
        Object.entries(await samples(registry)).map(([name, value]) => [
          name.replace('kytos_settings_', ''),
          value,
        ]),
      )
    return { controller, counts }
  }
  const keys = createKeySet()
  const first = await open(keys)
  await first.controller.ask('kytos.settings.register', { namespace: NAMESPACE, schema: SCHEMA })
  await first.controller.ask('kytos.settings.update', {
    namespace: NAMESPACE,
    data: { one: 'canary-1', two: 'canary-2' },
  })
  const [old] = keys.sealing
  expect(await first.counts()).toEqual({
    'secrets{state="current"}': 2,
    'secrets{state="older_key"}': 0,
    'secrets{state="key_missing"}': 0,
    'secrets{state="damaged"}': 0,
    [`secret_keys{kid="${old?.kid}"}`]: 1,
    secrets_sealed_total: 2,
    'secrets_resealed_total{kind="document"}': 0,
    'secrets_resealed_total{kind="record"}': 0,
    secret_changes_refused_total: 0,
  })

  const client = first.controller.root.view({ type: 'user', name: 'guesser', by: { token: 't1' } })
  let refused = 0
  for (let n = 0; n < 25; n++)
    await ask(client, 'kytos.settings.update', {
      namespace: NAMESPACE,
      data: { one: `canary-${n}` },
      dry_run: true,
    }).catch(() => refused++)
  expect(refused).toBe(5)
  expect(await first.counts()).toMatchObject({ secret_changes_refused_total: 5 })

  const rotated = withNewKey(keys)
  const second = await open(rotated)
  await expect
    .poll(second.counts, WAIT)
    .toMatchObject({ 'secrets{state="current"}': 2, 'secrets{state="older_key"}': 0 })
  expect(await second.counts()).toMatchObject({
    [`secret_keys{kid="${old?.kid}"}`]: 0,
    [`secret_keys{kid="${rotated.sealing.at(-1)?.kid}"}`]: 1,
    'secrets_resealed_total{kind="document"}': 1,
  })
  const third = await open(undefined)
  expect(await third.counts()).toMatchObject({ 'secrets{state="key_missing"}': 2, secrets_sealed_total: 0 })

  const look = createMemoryBackend(undefined, store)
  await look.open()
  const key = makeKey('settings', 'kytos', 'test')
  const { one } = JSON.parse((await look.get(key))?.text ?? '')
  await look.commit([{ key, put: JSON.stringify({ two: one }) }])
  await expect
    .poll(second.counts, WAIT)
    .toMatchObject({ 'secrets{state="damaged"}': 1, 'secrets{state="current"}': 0 })
  expect(JSON.stringify([await first.counts(), await second.counts()])).not.toContain('canary')
})
