import assert from 'node:assert/strict'
import { it } from 'vitest'
import { loadBackend } from '../../../src/boot/backend-registry.ts'
import { BACKENDS } from '../../../src/boot/config-values.ts'

it('Every backend that a configuration may name is created under that name, without touching anything', async () => {
  const created = [
    await loadBackend({ backend: 'filesystem', path: '/nowhere/at/all' }),
    await loadBackend({ backend: 'etcd', endpoints: ['http://127.0.0.1:1'], prefix: '/kytos', timeout: 1 }),
  ].map(create => create(() => {}))
  assert.deepEqual(
    created.map(backend => backend.name),
    BACKENDS,
  )
  for (const backend of created) await backend.close()
})
