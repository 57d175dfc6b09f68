import assert from 'node:assert/strict'
import { it } from 'vitest'
import { BACKENDS, createBackend } from '../../../backends/registry.ts'

const surroundings = { report: () => {} }

it('Every backend that a configuration may name is created under that name, without touching anything', async () => {
  const created = [
    createBackend({ backend: 'filesystem', path: '/nowhere/at/all' }, surroundings),
    createBackend({ backend: 'etcd', endpoints: ['http://127.0.0.1:1'], prefix: '/kytos', timeout: 1 }, surroundings),
  ]
  assert.deepEqual(
    created.map(backend => backend.name),
    BACKENDS,
  )
  for (const backend of created) await backend.close()
})
