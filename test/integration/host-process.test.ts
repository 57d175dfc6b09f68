import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { packageRoot } from '../../src/host/package-root.ts'
import { enabled, installed } from '../unit/host/napps-tree.ts'
import { freshFolder, kytosSettings, runScript } from './host-process.ts'

const BEGINNING = join(packageRoot(), 'settings.example.json')
const tells =
  'export default ({ log }) => ({ setup() { log.info("is set up") }, shutdown() { log.info("is shut down") } })'

describe('the process', () => {
  it('stops in reverse order on SIGTERM and on SIGINT, exit code 0', async () => {
    const cwd = await freshFolder()
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const service = kytosSettings(cwd, 'start')
      await service.ready
      service.child.kill(signal)
      expect(await service.ended).toBe(0)
      expect(service.output()).toMatch(
        /Stopped kytos\/link_discovery\.(.*\n)+.*Stopped kytos\/change_log\.(.*\n)+.*Stopped kytos\/settings\./,
      )
    }
  })

  it('ends at once on a second signal, exit code 130', async () => {
    const cwd = await freshFolder()
    const hangs =
      'export default ({ log }) => ({ setup() {}, shutdown() { log.info("hangs"); return new Promise(() => {}) } })'
    await enabled(join(cwd, 'napps'), 'z/hangs', hangs)
    const service = kytosSettings(cwd, 'start')
    await service.ready
    service.child.kill('SIGTERM')
    await service.prints(/z\/hangs: hangs/)
    service.child.kill('SIGTERM')
    expect(await service.ended).toBe(130)
  })

  it('stops in order when its parent process is gone', async () => {
    const service = kytosSettings(await freshFolder(), 'start')
    await service.ready
    service.child.disconnect()
    expect(await service.ended).toBe(0)
    expect(service.output()).toContain('Stopped kytos/settings.')
  })

  it('stops in order, exit code 1, after an uncaught error', async () => {
    const cwd = await freshFolder()
    const throws =
      'export default () => ({ setup() { setTimeout(() => { throw new Error("out of the blue") }, 100) } })'
    await enabled(join(cwd, 'napps'), 'z/throws', throws)
    const service = kytosSettings(cwd, 'start')
    expect(await service.ended).toBe(1)
    expect(service.output()).toMatch(/stopping after an uncaught error: .*out of the blue/)
    expect(service.output()).toContain('Stopped kytos/settings.')
  })

  it('reports in one line that its port is taken, exit code 1', async () => {
    const cwd = await freshFolder()
    const first = kytosSettings(cwd, 'start')
    const { port } = new URL(await first.ready)
    const other = await freshFolder()
    await writeFile(
      join(other, 'kytos.ini'),
      `[daemon]\napi_port = ${port}\nnapps = napps\nnapps_pre_installed = ["kytos/settings"]\n[settings]\nstate_dir = state\n[settings.filesystem]\npath = store\n`,
    )
    const second = kytosSettings(other, 'start')
    expect(await second.ended).toBe(1)
    expect(second.output()).toMatch(new RegExp(`^kytos-settings: .*${port}.*\\n$`))
  })

  it('reports that its store is open in another process, exit code 1, and leaves that process alone', async () => {
    const cwd = await freshFolder()
    const first = kytosSettings(cwd, 'start')
    await first.ready
    await writeFile(
      join(cwd, 'other.ini'),
      `[daemon]\napi_port = 0\nnapps = napps\n[settings]\nstate_dir = other\ncontroller = other\n[settings.filesystem]\npath = store\n`,
    )
    const second = kytosSettings(cwd, 'start', '-c', 'other.ini')
    expect(await second.ended).toBe(1)
    expect(second.output()).toMatch(/kytos-settings: .*store.*\n$/)
    expect(second.output()).not.toContain('    at ')
    first.child.kill('SIGTERM')
    expect(await first.ended).toBe(0)
  })
})

describe('NApps of a running process', () => {
  it('follow enable and disable from another process within two seconds', async () => {
    const cwd = await freshFolder()
    await installed(join(cwd, 'napps'), 'me/mine', tells)
    const service = kytosSettings(cwd, 'start')
    await service.ready
    for (const [command, effect] of [
      ['enable', /me\/mine: is set up/],
      ['disable', /me\/mine: is shut down/],
    ] as const) {
      expect(await kytosSettings(cwd, 'napps', command, 'me/mine').ended).toBe(0)
      const since = performance.now()
      await service.prints(effect)
      expect(performance.now() - since).toBeLessThan(2_000)
    }
  })

  it('are the ones that were enabled: a pre-installed one that was disabled stays so at the next start', async () => {
    const cwd = await freshFolder()
    const first = kytosSettings(cwd, 'start')
    await first.ready
    first.child.kill('SIGTERM')
    await first.ended
    expect(await kytosSettings(cwd, 'napps', 'disable', 'kytos/change_log').ended).toBe(0)
    const second = kytosSettings(cwd, 'start')
    await second.ready
    expect(second.output()).not.toContain('kytos/change_log runs')
  })
})

describe('npm start', () => {
  it('runs, imports the example settings, and prints a command that works', async () => {
    const cwd = await freshFolder()
    const script = runScript(cwd, join(packageRoot(), 'scripts/start.mjs'), ['-c', join(cwd, 'kytos.ini')])
    await script.prints(/The service is running, /)
    expect(script.output()).toContain(
      'Imported the settings of kytos/link_discovery from settings.example.json.',
    )
    const [, url = ''] = /curl -X PATCH (\S+) /.exec(script.output()) ?? []
    const answer = await fetch(url, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: '{"polling_time": 1}',
    })
    expect(answer.status).toBe(200)
    await script.prints(/poll \d+: every 1 s/)
    script.child.kill('SIGINT')
    expect(await script.ended).toBe(0)
  })

  it('ends with the exit code of the service', async () => {
    const cwd = await freshFolder()
    const script = runScript(cwd, join(packageRoot(), 'scripts/start.mjs'), ['-c', join(cwd, 'none.ini')])
    expect(await script.ended).toBe(2)
  })
})

describe('an import that the service refuses', () => {
  it('ends the start with exit code 4 and the reason, and leaves nothing', async () => {
    const cwd = await freshFolder()
    await writeFile(
      join(cwd, 'bad.json'),
      '{"me/free": {"x": 1}, "kytos/link_discovery": {"polling_tme": 1}}',
    )
    const refused = kytosSettings(cwd, 'start', '--import', 'bad.json')
    expect(await refused.ended).toBe(4)
    expect(refused.output()).toMatch(
      /kytos-settings: bad\.json was not imported and nothing of it is stored: .*polling_tme/,
    )
    const service = kytosSettings(cwd, 'start', '--import', BEGINNING)
    const url = await service.ready
    expect(service.output()).toContain('Imported the settings of kytos/link_discovery')
    const answer = await fetch(`${url}/api/kytos/settings/v1/me/free`)
    expect(await answer.json()).toMatchObject({ status: 404 })
  })
})

it('a port that another program occupies keeps no part of the service alive', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const cwd = await freshFolder()
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  await writeFile(
    join(cwd, 'kytos.ini'),
    `[daemon]\napi_port = ${port}\nnapps = napps\nnapps_pre_installed = ["kytos/settings"]\n[settings]\nstate_dir = state\n[settings.filesystem]\npath = store\n`,
  )
  expect(await kytosSettings(cwd, 'start').ended).toBe(1)
})
