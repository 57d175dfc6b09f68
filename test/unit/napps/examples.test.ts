import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ask } from '../../../events/ask.ts'
import { createBus } from '../../../events/bus.ts'
import type { Facts, Settings } from '../../../events/map.ts'
import { parseJson } from '../../../model/json.ts'
import { isObject, type JsonObject } from '../../../model/value.ts'
import createChangeLog from '../../../napps/kytos/change_log/main.ts'
import createLinkDiscovery from '../../../napps/kytos/link_discovery/main.ts'
import { parseManifest } from '../../../src/host/manifest.ts'
import type { NAppContext } from '../../../src/host/napp.ts'
import { packageRoot } from '../../../src/host/shipped.ts'
import { defaultsOf, mergeLayers } from '../../../src/settings/layers.ts'
import { compileSchema } from '../../../src/settings/validator.ts'
import { keepingLog } from '../host/napps-tree.ts'

const DATA = { polling_time: 3, ignored_vlans: [], loop_actions: ['log'] }

function changed(revision: string, data: JsonObject, more: Partial<Facts['settings.changed']> = {}): Facts['settings.changed'] {
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

async function context(folder: string) {
  const bus = createBus()
  const log = keepingLog()
  const path = join(packageRoot(), 'napps', folder)
  const manifest = parseManifest(await readFile(join(path, 'napp.json'), 'utf8'), 'napp.json')
  const view = bus.view({ type: 'napp', name: folder })
  const napp: NAppContext = { id: folder, folder: path, manifest, bus: view, log, ask: (name, content) => ask(view, name, content) }
  return { bus, log, napp }
}

describe('kytos/link_discovery', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  const running = async () => {
    const { bus, log, napp } = await context('kytos/link_discovery')
    bus.serve('kytos.settings.retrieve', () => ({ data: DATA, revision: '5', epoch: 1 }) as unknown as Settings)
    const discovery = createLinkDiscovery(napp)
    await discovery.setup()
    const hear = async (fact: Facts['settings.changed']) => {
      bus.announce('settings.changed', fact)
      await new Promise(setImmediate)
    }
    return { log, discovery, hear }
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
    const { log, hear } = await running()
    vi.advanceTimersByTime(3_000)
    await hear(changed('6', { ...DATA, polling_time: 1, ignored_vlans: [3, 4] }))
    vi.advanceTimersByTime(2_000)
    expect(log.lines.slice(1)).toEqual([2, 3].map(n => `INFO host: poll ${n}: every 1 s, ignoring VLANs [3, 4], on a loop: log`))
  })

  it('drops a fact from before what it knows, compared as an integer, unless the store is another one', async () => {
    const { log, hear } = await running()
    await hear(changed('10', { ...DATA, polling_time: 2 }))
    await hear(changed('9', { ...DATA, polling_time: 1 }))
    vi.advanceTimersByTime(2_000)
    await hear(changed('1', { ...DATA, polling_time: 4 }, { epoch: 2 }))
    await hear(changed('11', { ...DATA, polling_time: 1 }))
    vi.advanceTimersByTime(4_000)
    expect(log.lines.map(line => line.slice(11, 29))).toEqual(['poll 1: every 2 s,', 'poll 2: every 4 s,'])
  })

  it('leaves other namespaces alone, and polls no more after its shutdown', async () => {
    const { log, hear, discovery } = await running()
    await hear(changed('6', { ...DATA, polling_time: 1 }, { namespace: 'kytos/topology' }))
    vi.advanceTimersByTime(2_900)
    await discovery.shutdown?.()
    vi.advanceTimersByTime(9_000)
    expect(log.lines).toEqual([])
  })

  it('can live on its defaults, with the example settings over them', async () => {
    const schema = await readObject('napps/kytos/link_discovery/settings.schema.json')
    const example = await readObject('settings.example.json')
    const validate = compileSchema(schema)
    const defaults = defaultsOf(schema)
    expect(defaults).toMatchObject({ ...DATA, flow_cookie: 0xab00000000000000n, liveness: { min_hellos: 2, dead_multiplier: 5 } })
    expect(validate(defaults)).toEqual([])
    for (const overrides of Object.values(example)) {
      if (!isObject(overrides)) throw new Error('Overrides are an object.')
      expect(validate(mergeLayers([defaults, overrides]))).toEqual([])
    }
  })
})

describe('kytos/change_log', () => {
  it('prints one line for every setting that changed, exact and with its author', async () => {
    const { bus, log, napp } = await context('kytos/change_log')
    await createChangeLog(napp).setup()
    const changes = [
      { path: '/polling_time', old: 3, new: 1, apply: 'live' },
      { path: '/flow_cookie', new: 2n ** 63n, apply: 'restart' },
    ] as const
    bus.announce('settings.changed', changed('12', DATA, { changes }))
    bus.announce('settings.changed', changed('13', DATA, { changes: [{ path: '/x', old: 'a', apply: 'live' }], actor: null, origin: 'resync' }))
    await new Promise(setImmediate)
    expect(log.lines).toEqual([
      'INFO host: kytos/link_discovery/polling_time: 3 -> 1 by user rest, revision 12',
      'INFO host: kytos/link_discovery/flow_cookie: nothing -> 9223372036854775808 by user rest, revision 12',
      'INFO host: kytos/link_discovery/x: "a" -> nothing by an unknown hand, revision 13, resync',
    ])
  })
})
