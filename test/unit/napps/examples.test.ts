import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { createBus } from '../../../events/bus.ts'
import type { Facts } from '../../../events/map.ts'
import { parseJson } from '../../../model/json.ts'
import { mergeLayers } from '../../../model/merge.ts'
import { isObject, type JsonObject } from '../../../model/value.ts'
import createChangeLog from '../../../napps/kytos/change_log/main.mjs'
import createLinkDiscovery from '../../../napps/kytos/link_discovery/main.mjs'
import { SCHEMA } from '../../../napps/kytos/link_discovery/schema.mjs'
import { openMemorySettings } from '../../../src/app/memory-settings.ts'
import { packageRoot } from '../../../src/host/package-root.ts'
import { defaultsOf } from '../../../src/schema/defaults.ts'
import { compileSchema } from '../../../src/schema/validator.ts'
import { keepingLog } from '../host/napps-tree.ts'

const DATA = { polling_time: 3, ignored_vlans: [], loop_actions: ['log'] }

function changed(
  revision: string,
  data: JsonObject,
  more: Partial<Facts['settings.changed']> = {},
): Facts['settings.changed'] {
  return {
    namespace: 'kytos/link_discovery',
    scope: 'cluster',
    kind: 'updated',
    data,
    previous: DATA,
    changes: [],
    revision,
    version: 2,
    epoch: 1,
    cursor: `1.${revision}.0`,
    origin: 'live',
    actor: { type: 'user', name: 'rest' },
    comment: null,
    ...more,
  }
}

async function readObject(file: string): Promise<JsonObject> {
  const json = parseJson(await readFile(join(packageRoot(), file), 'utf8'))
  if (!isObject(json)) throw new Error(`${file} holds no object.`)
  return json
}

describe('kytos/link_discovery', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  const running = async () => {
    const log = keepingLog()
    const settings = await openMemorySettings(
      SCHEMA,
      {},
      { id: 'kytos/link_discovery', log: { ...log, info() {} } },
    )
    onTestFinished(() => settings.close())
    const discovery = createLinkDiscovery({ ...settings.context, log })
    await discovery.setup()
    return { log, discovery, settings }
  }

  it('polls at the interval of its settings', async () => {
    const { log } = await running()
    vi.advanceTimersByTime(6_500)
    expect(log.lines).toEqual([
      'INFO host: poll 1: every 3 s, ignoring VLANs [], on a loop: log',
      'INFO host: poll 2: every 3 s, ignoring VLANs [], on a loop: log',
    ])
  })

  it('polls at the new interval as soon as it changes, with nothing else of it restarted', async () => {
    const { log, settings } = await running()
    vi.advanceTimersByTime(3_000)
    await settings.update({ polling_time: 1, ignored_vlans: [3, 4] })
    vi.advanceTimersByTime(2_000)
    expect(log.lines.slice(1)).toEqual(
      [2, 3].map(n => `INFO host: poll ${n}: every 1 s, ignoring VLANs [3, 4], on a loop: log`),
    )
  })

  it('keeps its pace when another setting changes, which the next poll uses', async () => {
    const { log, settings } = await running()
    vi.advanceTimersByTime(2_900)
    await settings.update({ loop_actions: [] })
    vi.advanceTimersByTime(100)
    expect(log.lines).toEqual(['INFO host: poll 1: every 3 s, ignoring VLANs [], on a loop: nothing'])
  })

  it('polls no more after its shutdown', async () => {
    const { log, discovery } = await running()
    vi.advanceTimersByTime(2_900)
    await discovery.shutdown?.()
    vi.advanceTimersByTime(9_000)
    expect(log.lines).toEqual([])
  })

  it('can live on its defaults, with the example settings over them', async () => {
    const schema: JsonObject = SCHEMA
    const example = await readObject('settings.example.json')
    const validate = compileSchema(schema)
    const defaults = defaultsOf(schema)
    expect(defaults).toMatchObject({
      ...DATA,
      flow_cookie: 0xab00000000000000n,
      liveness: { min_hellos: 2, dead_multiplier: 5 },
    })
    expect(validate(defaults)).toEqual([])
    for (const overrides of Object.values(example)) {
      if (!isObject(overrides)) throw new Error('Overrides are an object.')
      expect(validate(mergeLayers([defaults, overrides]))).toEqual([])
    }
  })
})

describe('kytos/change_log', () => {
  it('prints one line for every setting that changed, exact and with its author', async () => {
    const log = keepingLog()
    const bus = createBus()
    const { context, close } = await openMemorySettings({})
    onTestFinished(close)
    await createChangeLog({
      ...context,
      bus: bus.view({ type: 'napp', name: 'kytos/change_log' }),
      log,
    }).setup()
    const changes = [
      { path: '/polling_time', old: 3, new: 1, apply: 'live' },
      { path: '/flow_cookie', new: 2n ** 63n, apply: 'restart' },
    ] as const
    bus.announce('settings.changed', changed('12', DATA, { changes }))
    bus.announce(
      'settings.changed',
      changed('13', DATA, {
        changes: [{ path: '/x', old: 'a', apply: 'live' }],
        actor: null,
        origin: 'resync',
      }),
    )
    const defaults = [
      { path: '/a', new: 1, apply: 'live' },
      { path: '/b', new: 2, apply: 'live' },
    ] as const
    bus.announce('settings.changed', changed('14', DATA, { changes: defaults, actor: null, scope: 'schema' }))
    await new Promise(setImmediate)
    expect(log.lines).toEqual([
      'INFO host: kytos/link_discovery/polling_time: 3 -> 1 by user rest, revision 12',
      'INFO host: kytos/link_discovery/flow_cookie: unset -> 9223372036854775808 by user rest, revision 12',
      'INFO host: kytos/link_discovery/x: "a" -> unset by an unknown actor, revision 13, resync',
      'INFO host: kytos/link_discovery: 2 settings with their defaults, revision 14',
    ])
  })
})
