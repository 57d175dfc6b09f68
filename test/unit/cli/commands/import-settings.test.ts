import { describe, expect, it } from 'vitest'
import { createBus } from '../../../../events/bus.ts'
import type { Settings, Summary } from '../../../../events/nouns.ts'
import { SettingsError } from '../../../../model/errors.ts'
import { type Namespace, parseNamespace } from '../../../../model/namespace.ts'
import type { JsonObject } from '../../../../model/value.ts'
import { importSettings } from '../../../../src/cli/commands/import-settings.ts'
import { keepingLog } from '../../host/napps-tree.ts'

const A = parseNamespace('a/a')
const B = parseNamespace('b/b')
const file = {
  name: 'begin.json',
  overrides: new Map<Namespace, JsonObject>([
    [A, { x: 1 }],
    [B, { y: 2 }],
  ]),
}
const never = new AbortController().signal

/**
 * A bus on which the four commands an import needs are answered out of a map; `refuse` may throw in place of
 * a create.
 */
function smallService(refuse: (namespace: string) => void = () => {}) {
  const bus = createBus()
  const log = keepingLog()
  const stored = new Map<string, unknown>()
  const actors: unknown[] = []
  const answer = (namespace: string) => ({ namespace, epoch: 3, revision: '7' }) as Settings
  bus.serve('kytos.settings.list', () =>
    [...stored.keys()].map(namespace => ({ namespace, overrides: true }) as Summary),
  )
  bus.serve('kytos.settings.create', ({ namespace, data }, { actor }) => {
    refuse(namespace)
    stored.set(namespace, data)
    actors.push(actor)
    return answer(namespace)
  })
  bus.serve('kytos.settings.delete', ({ namespace, revision }) => {
    if (revision !== '3.7') throw new SettingsError('REVISION_MISMATCH', 'moved on')
    stored.delete(namespace)
    return answer(namespace)
  })
  return { bus, log, stored, actors }
}

describe('an import', () => {
  it('stores every namespace in the name of the file', async () => {
    const { bus, log, stored, actors } = smallService()
    await importSettings(bus, file, log, never)
    expect([...stored]).toEqual([
      ['a/a', { x: 1 }],
      ['b/b', { y: 2 }],
    ])
    expect(actors).toEqual([
      { type: 'import', name: 'begin.json' },
      { type: 'import', name: 'begin.json' },
    ])
    expect(log.lines).toEqual(['INFO host: Imported the settings of a/a, b/b from begin.json.'])
  })

  it('leaves a store alone that holds any overrides', async () => {
    const { bus, log, stored } = smallService()
    stored.set('c/c', {})
    await importSettings(bus, file, log, never)
    expect([...stored.keys()]).toEqual(['c/c'])
    expect(log.lines).toEqual(['INFO host: The store already holds settings: begin.json was not imported.'])
  })

  it('of which a part is refused leaves nothing, and says what was wrong', async () => {
    const { bus, log, stored } = smallService(namespace => {
      if (namespace === 'b/b')
        throw new SettingsError('SETTINGS_INVALID', 'y must be a text.', { details: { errors: [] } })
    })
    await expect(importSettings(bus, file, log, never)).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
      message: 'begin.json was not imported and nothing of it is stored: y must be a text.',
    })
    expect([...stored]).toEqual([])
  })

  it('gives way to somebody who stores at the same time', async () => {
    const { bus, log, stored } = smallService(namespace => {
      if (namespace === 'b/b') throw new SettingsError('DOCUMENT_EXISTS', 'b/b exists.')
    })
    await importSettings(bus, file, log, never)
    expect([...stored]).toEqual([])
    expect(log.lines).toEqual([
      'INFO host: Another client stored settings first: begin.json was not imported.',
    ])
  })

  it('waits for a store that is away', async () => {
    let attempts = 0
    const { bus, log, stored } = smallService(() => {
      if (++attempts < 2) throw new SettingsError('STORE_STALE', 'The store is away.')
    })
    await importSettings(bus, file, log, never)
    expect(stored.size).toBe(2)
    expect(log.lines[0]).toBe(
      'WARN host: The import of begin.json waits until the store is writable: The store is away.',
    )
  })

  it('stops waiting when the host stops', async () => {
    const stop = new AbortController()
    const { bus, log, stored } = smallService(() => {
      setImmediate(() => stop.abort())
      throw new SettingsError('STORE_STALE', 'The store is away.')
    })
    await importSettings(bus, file, log, stop.signal)
    expect(stored.size).toBe(0)
  })
})
