import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openMemorySettings } from 'kytos-settings'
import createNApp from './main.mjs'

test('follows the settings while it runs', async () => {
  const lines = /** @type {string[]} */ ([])
  const keep = (/** @type {string} */ line) => void lines.push(line)
  const settings = await openMemorySettings({}, { interval: 0.05 })
  const log = { ...settings.context.log, info: keep }
  const napp = createNApp({ ...settings.context, log })
  await napp.setup()
  await settings.update({ targets: ['a', 'b'] })
  await napp.shutdown?.()
  await settings.close()
  assert.ok(lines.includes('targets: 0 -> 2'))
})
