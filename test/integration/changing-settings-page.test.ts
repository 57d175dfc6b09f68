import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseJson } from '../../model/json.ts'
import { packageRoot } from '../../src/host/package-root.ts'
import { freshFolder, kytosSettings } from './host-process.ts'

const VARIABLES = {
  KYTOS_SETTINGS__KYTOS__LINK_DISCOVERY__LIVENESS__MIN_HELLOS: '4',
  KYTOS_SETTINGS__KYTOS__LINK_DISCOVERY__POLING_TIME: '1',
  KYTOS_SETTINGS__KYTOS__LINK_DISCOVERY__IGNORED_VLANS: 'all',
}
beforeAll(() => void Object.assign(process.env, VARIABLES))
afterAll(() => {
  for (const name of Object.keys(VARIABLES)) delete process.env[name]
})

/** The commands of the page in their order, each with what it shows, if anything. */
async function readPage(): Promise<{ readonly command: string; readonly shown: string | undefined }[]> {
  const page = await readFile(join(packageRoot(), 'docs', 'changing-settings.md'), 'utf8')
  return [...page.matchAll(/^```sh\n(.*?)^```\n(?:\n```json\n(.*?)^```)?/gms)].map(
    ([, command = '', shown]) => ({ command, shown }),
  )
}

describe('docs/changing-settings.md', () => {
  it('shows the output of its commands, on a service that runs in an environment with settings', async () => {
    const service = kytosSettings(await freshFolder(), 'start')
    const url = await service.ready
    await service.prints(
      /Ignored \S+POLING_TIME: "kytos\/link_discovery" has no such setting; did you mean \S+POLLING_TIME\?/,
    )
    await service.prints(/Ignored \S+IGNORED_VLANS: \/ignored_vlans of "kytos\/link_discovery" requires JSON/)
    const blocks = await readPage()
    expect(blocks.length).toBeGreaterThan(6)
    let before = ''
    for (const { command, shown } of blocks) {
      const mine = command.replaceAll('http://127.0.0.1:8181', url)
      const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', `${before}\n${mine}`])
      if (shown === undefined) before += mine.startsWith('API=') ? mine : ''
      else expect(parseJson(stdout), mine).toMatchObject(parseJson(shown) as object)
    }
    service.child.kill('SIGTERM')
    expect(await service.ended).toBe(0)
  })
})
