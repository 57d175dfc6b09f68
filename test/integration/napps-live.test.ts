import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseJson } from '../../model/json.ts'
import { packageRoot } from '../../src/host/shipped.ts'
import { freshFolder, kytosSettings } from './host-process.ts'

const BEGINNING = join(packageRoot(), 'settings.example.json')

async function patch(url: string, body: string): Promise<number> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${url}/api/kytos/settings/v1/kytos/link_discovery`, { method: 'PATCH', headers, body })
  return answer.status
}

describe('the example NApps on real files', () => {
  it('apply and print a change live; it is there after a restart and after kill -9', async () => {
    const cwd = await freshFolder()
    const first = kytosSettings(cwd, 'start', '--import', BEGINNING)
    const url = await first.ready
    expect(await patch(url, '{"polling_time": 0.2}')).toBe(200)
    await first.prints(/kytos\/change_log: kytos\/link_discovery\/polling_time: 5 -> 0\.2 by user .*, revision \d+\n/)
    await first.prints(/poll 2: every 0\.2 s, ignoring VLANs \[3799\]/)
    expect(await patch(url, '{"ignored_vlans": [1, 2]}')).toBe(200)
    await first.prints(/every 0\.2 s, ignoring VLANs \[1, 2\]/)
    expect(first.output().match(/polling_time: 5 -> 0\.2/g)).toHaveLength(1)
    first.child.kill('SIGKILL')
    expect(await first.ended).toBe('SIGKILL')

    const second = kytosSettings(cwd, 'start', '--import', BEGINNING)
    await second.ready
    await second.prints(/poll 1: every 0\.2 s, ignoring VLANs \[1, 2\]/)
    expect(second.output()).toContain('The store holds settings already, so settings.example.json is not imported.')
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
