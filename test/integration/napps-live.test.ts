import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseJson, printJson } from '../../model/json.ts'
import type { JsonObject } from '../../model/value.ts'
import { packageRoot } from '../../src/host/package-root.ts'
import { enabled } from '../unit/host/napps-tree.ts'
import { freshFolder, kytosSettings } from './host-process.ts'

const BEGINNING = join(packageRoot(), 'settings.example.json')

async function patch(url: string, body: string, napp = 'kytos/link_discovery'): Promise<number> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${url}/api/kytos/settings/v1/${napp}`, { method: 'PATCH', headers, body })
  return answer.status
}

describe('the example NApps on real files', () => {
  it('apply and print a change live; it is there after a restart and after kill -9', async () => {
    const cwd = await freshFolder()
    const first = kytosSettings(cwd, 'start', '--import', BEGINNING)
    const url = await first.ready
    expect(await patch(url, '{"polling_time": 0.2}')).toBe(200)
    await first.prints(
      /kytos\/change_log: kytos\/link_discovery\/polling_time: 5 -> 0\.2 by user .*, revision \d+\n/,
    )
    await first.prints(/poll 2: every 0\.2 s, ignoring VLANs \[3799\]/)
    expect(await patch(url, '{"ignored_vlans": [1, 2]}')).toBe(200)
    await first.prints(/every 0\.2 s, ignoring VLANs \[1, 2\]/)
    expect(first.output().match(/polling_time: 5 -> 0\.2/g)).toHaveLength(1)
    first.child.kill('SIGKILL')
    expect(await first.ended).toBe('SIGKILL')

    const second = kytosSettings(cwd, 'start', '--import', BEGINNING)
    await second.ready
    await second.prints(/poll 1: every 0\.2 s, ignoring VLANs \[1, 2\]/)
    expect(second.output()).toContain(
      'The store already holds settings: settings.example.json was not imported.',
    )
    second.child.kill('SIGTERM')
    expect(await second.ended).toBe(0)
    expect(parseJson(await readFile(join(cwd, 'store/settings/kytos/link_discovery.json'), 'utf8'))).toEqual({
      polling_time: 0.2,
      ignored_vlans: [1, 2],
    })
  })

  it('never see a value that does not validate', async () => {
    const cwd = await freshFolder()
    const service = kytosSettings(cwd, 'start')
    const url = await service.ready
    expect(await patch(url, '{"polling_time": 0}')).toBe(422)
    expect(await patch(url, '{"loop_actions": ["explode"]}')).toBe(422)
    expect(await patch(url, '{"polling_time": 0.1}')).toBe(200)
    await service.prints(/every 0\.1 s/)
    expect(service.output()).not.toMatch(/every 0 s|explode/)
  })
})

describe('the example NApp with live settings', () => {
  const FOLDER = join(packageRoot(), 'examples/live_poller')

  it('has at most 30 lines', async () => {
    expect(
      (await readFile(join(FOLDER, 'main.mjs'), 'utf8')).trimEnd().split('\n').length,
    ).toBeLessThanOrEqual(30)
  })

  it('is installed, follows its settings live, and receives no more events once it is disabled', async () => {
    const cwd = await freshFolder()
    expect(await kytosSettings(cwd, 'napps', 'install', FOLDER).ended).toBe(0)
    const service = kytosSettings(cwd, 'start')
    const url = await service.ready
    const change = (body: string) => patch(url, body, 'example/live_poller')
    expect(await change('{"interval": 0.05, "targets": ["a", "b"]}')).toBe(200)
    await service.prints(/example\/live_poller: targets: 0 -> 2\n/)
    await service.prints(/example\/live_poller: polling a, b\n/)
    expect(await change('{"interval": "often"}')).toBe(422)
    expect(await change('{"intervall": 1}')).toBe(422)

    expect(await kytosSettings(cwd, 'napps', 'disable', 'example/live_poller').ended).toBe(0)
    await service.prints(/Stopped example\/live_poller\./)
    const printed = service.output().length
    expect(await change('{"targets": ["c"]}')).toBe(200)
    await service.prints(/kytos\/change_log: example\/live_poller\/targets: .*\["c"\]/)
    expect(service.output().slice(printed)).not.toMatch(/instead of|polling/)
  })
})

describe('an example NApp that was copied to a folder outside the package', () => {
  it('runs under a name of its own, and imports kytos-settings', async () => {
    const cwd = await freshFolder()
    for (const [from, name] of [
      ['napps/kytos/change_log', 'my_log'],
      ['napps/kytos/link_discovery', 'my_discovery'],
      ['examples/live_poller', 'my_poller'],
    ] as const) {
      const folder = join(cwd, 'mine', name)
      await cp(join(packageRoot(), from), folder, { recursive: true })
      const manifest = parseJson(await readFile(join(folder, 'napp.json'), 'utf8')) as JsonObject
      await writeFile(join(folder, 'napp.json'), printJson({ ...manifest, username: 'me', name }))
      expect(await kytosSettings(cwd, 'napps', 'install', folder).ended).toBe(0)
    }
    const service = kytosSettings(cwd, 'start')
    const url = await service.ready
    expect(await patch(url, '{"polling_time": 0.2}', 'me/my_discovery')).toBe(200)
    await service.prints(/me\/my_log: me\/my_discovery\/polling_time: 3 -> 0\.2 by user/)
    await service.prints(/me\/my_discovery: poll 2: every 0\.2 s/)
    expect(await patch(url, '{"targets": ["a"]}', 'me/my_poller')).toBe(200)
    await service.prints(/me\/my_poller: targets: 0 -> 1\n/)
  })
})

describe('a NApp that registers a schema file', () => {
  it('opens its settings without a declaration, with the seed that lies beside it; a declaration in code gets the seed too', async () => {
    const cwd = await freshFolder()
    const schema = {
      type: 'object',
      properties: { level: { type: 'integer', default: 1 }, name: { type: 'string', default: '' } },
    }
    const tells = (declaration: string) => `export default ({ openSettings, log }) => ({
      async setup() { const { values } = await openSettings(${declaration}); log.info('has ' + JSON.stringify(values)) },
    })`
    const seed = { 'settings.json': { name: 'seeded' } }
    await enabled(
      join(cwd, 'napps'),
      'a/by_file',
      tells(''),
      { settings: 'schema.json' },
      { 'schema.json': schema, ...seed },
    )
    await enabled(join(cwd, 'napps'), 'a/by_code', tells(JSON.stringify(schema)), {}, seed)
    const service = kytosSettings(cwd, 'start')
    await service.ready
    await service.prints(/a\/by_code: has {"level":1,"name":"seeded"}/)
    await service.prints(/a\/by_file: has {"level":1,"name":"seeded"}/)
  })
})
