import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createBus } from '../../../../events/bus.ts'
import { parseJson } from '../../../../model/json.ts'
import createNApp from '../../../../src/app/napp.ts'
import { loadConfig } from '../../../../src/boot/config.ts'
import type { SettingsContext } from '../../../../src/host/settings-context.ts'
import { keepLog } from '../../../support/controller.ts'
import { makeCertificates } from '../../../support/etcd-tls.ts'
import { commandLine } from '../cli-world.ts'

const TOKEN = /^kytos_[0-9a-f]{16}_[A-Za-z0-9_-]{43}\n$/
const FILE = 'state/controller-1/service.json'

/** A folder with a `kytos.ini`, commands in it, and a way to run the real Settings NApp on it. */
async function folder(lines = '') {
  const { cwd, kytos } = await commandLine()
  const file = join(cwd, 'kytos.ini')
  const text = await readFile(file, 'utf8')
  await writeFile(
    file,
    text.replace('[settings]\n', `[settings]\nport = 0\ncontroller = controller-1\n${lines}`),
  )
  const log = keepLog()
  const service = async (): Promise<{ stop(): Promise<void> }> => {
    const context = {
      bus: createBus(),
      config: await loadConfig(file),
      log,
      env: {},
      started: Promise.resolve(),
      abort: () => expect.fail('it gave up'),
    }
    // The rest is for other NApps.
    const napp = createNApp(context as Partial<SettingsContext> as SettingsContext)
    await napp.setup()
    let stopped: Promise<void> | undefined
    const stop = async (): Promise<void> => (stopped ??= Promise.resolve(napp.shutdown?.()))
    onTestFinished(stop)
    return { stop }
  }
  const url = async (): Promise<string> => JSON.parse(await readFile(join(cwd, FILE), 'utf8')).url
  return { cwd, kytos, log, service, url }
}

const read = async (url: string, token: string) =>
  fetch(`${url}/api/kytos/settings/v1/`, { headers: { authorization: `Bearer ${token.trim()}` } })

describe('token', () => {
  it('create, list and revoke speak to the service that runs, which asks for what they made', async () => {
    const { kytos, service, url } = await folder('authentication = required\n')
    await service()
    const made = await kytos('token', 'create', 'ci', '--rights', 'write', '--expires', '12h')
    expect(made).toMatchObject({ exit: 0, stdout: expect.stringMatching(TOKEN) })
    expect(made.stderr).toMatch(
      /^Created the token ci \(id [0-9a-f]{16}; rights: write; expires at \d{4}-.*Z\)\. It is printed only once:\n$/,
    )
    expect((await fetch(`${await url()}/api/kytos/settings/v1/`)).status).toBe(401)
    expect((await read(await url(), made.stdout)).status).toBe(200)
    const [, id = ''] = made.stdout.split('_')
    const listed = await kytos('token', 'list')
    expect(listed.stdout).toMatch(
      new RegExp(
        `^ID +Name +Rights +Created at +Created by +Expires at\\n${id} +ci +write +\\S+ \\S+ +local-admin +\\S+ \\S+\\n$`,
      ),
    )
    expect(await kytos('token', 'revoke', id)).toEqual({
      exit: 0,
      stdout: `The token ${id} is revoked.\n`,
      stderr: '',
    })
    expect((await read(await url(), made.stdout)).status).toBe(401)
    expect((await kytos('token', 'list')).stdout).toBe(
      'There are no tokens. "kytos-settings token create NAME" creates one.\n',
    )
  })

  it('create limits a token to namespaces and boxes, which list shows in columns of their own', async () => {
    const { kytos, service, url } = await folder('authentication = required\n')
    await service()
    const limits = ['--namespaces', 'kytos/*, acme/x', '--boxes', 'kytos.*']
    const made = await kytos('token', 'create', 'lab', ...limits)
    expect(made).toMatchObject({ exit: 0, stdout: expect.stringMatching(TOKEN) })
    expect(made.stderr).toContain('never expires; namespaces: kytos/*, acme/x; boxes: kytos.*)')
    expect((await read(await url(), made.stdout)).status).toBe(200)
    expect((await kytos('token', 'create', 'all')).exit).toBe(0)
    const bare = await kytos('token', 'create', 'bare', '--namespaces', 'kytos/*', '--json')
    expect(JSON.parse(bare.stdout)).toMatchObject({ namespaces: ['kytos/*'], boxes: [] })
    const { stdout } = await kytos('token', 'list')
    expect(stdout).toMatch(/ Expires at +Namespaces +Boxes\n/)
    expect(stdout).toMatch(/ lab .* never +kytos\/\*,acme\/x +kytos\.\*\n/)
    expect(stdout).toMatch(/ all .* never +all +all\n/)
    expect(stdout).toMatch(/ bare .* never +kytos\/\* +none\n/)
    for (const wrong of [
      ['--namespaces', ''],
      ['--namespaces', 'kytos'],
      ['--boxes', 'kytos.*'],
    ])
      expect(await kytos('token', 'create', 'x', ...wrong)).toMatchObject({
        exit: 2,
        stderr: expect.stringMatching(/"(namespaces|boxes)"/),
      })
  })

  it('open the store themselves when no service runs, and what they made holds when one does', async () => {
    const { kytos, service, url } = await folder('authentication = required\n')
    const [made, gone] = [
      await kytos('token', 'create', 'first'),
      await kytos('token', 'create', 'gone', '--json'),
    ]
    expect(made.stdout).toMatch(TOKEN)
    const { id, token, expires_at } = JSON.parse(gone.stdout)
    expect(expires_at).toBe(null)
    expect((await kytos('token', 'revoke', id)).exit).toBe(0)
    expect(parseJson((await kytos('token', 'list', '--json')).stdout)).toMatchObject([
      { name: 'first', rights: ['read'] },
    ])
    await service()
    expect((await read(await url(), made.stdout)).status).toBe(200)
    expect((await read(await url(), token)).status).toBe(401)
  })

  it.each([
    [['create'], 2, 'missing required argument'],
    [['create', 'a b'], 2, '"name" must be 1 to 64'],
    [['create', 'a', '--rights', 'root'], 2, '"rights" must be a non-empty array'],
    [['create', 'a', '--rights', ''], 2, '"rights" must be a non-empty array'],
    [['create', 'a', '--expires', 'soon'], 2, 'a lifetime such as 90s, 30m, 12h or 30d'],
    [['create', 'a', '--expires', '0s'], 2, 'a lifetime such as'],
    [['create', 'a', '--expires', '99999d'], 2, '"expires_in" must be 1 to'],
    [['revoke', 'abc'], 3, 'The token "abc"'],
    [['revoke', '../x'], 3, 'The token "../x" does not exist'],
  ])('%j says the same with a service and without one', async (args, exit, message) => {
    const { kytos, service } = await folder()
    expect(await kytos('token', ...args)).toMatchObject({
      exit,
      stdout: '',
      stderr: expect.stringContaining(message),
    })
    await service()
    expect(await kytos('token', ...args)).toMatchObject({
      exit,
      stdout: '',
      stderr: expect.stringContaining(message),
    })
  })

  it('reach a service that speaks TLS under another name', async () => {
    const { cwd, kytos, service, url } = await folder(
      'authentication = required\ntls_cert = server.pem\ntls_key = server-key.pem\n',
    )
    await makeCertificates(cwd, 'DNS:settings.example.org')
    await service()
    expect(await url()).toMatch(/^https:/)
    expect((await kytos('token', 'create', 'ci')).stdout).toMatch(TOKEN)
  })
})

describe('the file that lets the owner in', () => {
  it('is for the owner alone, new at each start, and gone at the end', async () => {
    const { cwd, service } = await folder()
    const file = join(cwd, FILE)
    const first = await service()
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect((await stat(join(cwd, 'state/controller-1'))).mode & 0o777).toBe(0o700)
    const { token, url } = JSON.parse(await readFile(file, 'utf8'))
    expect((await read(url, token)).status).toBe(200)
    await first.stop()
    await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' })
    await service()
    const again = JSON.parse(await readFile(file, 'utf8'))
    expect(again.token).not.toBe(token)
    expect((await read(again.url, token)).status).toBe(401)
  })

  it('of a service that was killed is no obstacle', async () => {
    const { cwd, kytos, service } = await folder()
    const running = await service()
    const text = await readFile(join(cwd, FILE), 'utf8')
    await running.stop()
    await writeFile(join(cwd, FILE), text, { mode: 0o600 })
    expect((await kytos('token', 'create', 'ci')).stdout).toMatch(TOKEN)
    expect((await kytos('token', 'list')).stdout).toContain('ci')
  })

  it('that leads to somebody else gets what they say, and is not asked again for the store', async () => {
    const { cwd, kytos, service } = await folder()
    const running = await service()
    await running.stop()
    const asked: (string | undefined)[] = []
    const stranger = createServer((request, response) => {
      asked.push(request.url)
      response.writeHead(401).end('{"code":"TOKEN_INVALID","detail":"no"}')
    }).listen(0, '127.0.0.1')
    onTestFinished(() => void stranger.close())
    await new Promise(resolve => stranger.once('listening', resolve))
    const address = stranger.address()
    const port = typeof address === 'object' ? address?.port : undefined
    await writeFile(join(cwd, FILE), JSON.stringify({ url: `http://127.0.0.1:${port}`, token: 'old' }))
    expect(await kytos('token', 'list')).toMatchObject({ exit: 1, stderr: 'kytos-settings: no\n' })
    expect(asked).toEqual(['/api/kytos/settings/v1/token'])
  })

  it('that says nothing is named', async () => {
    const { cwd, kytos, service } = await folder()
    await (await service()).stop()
    await writeFile(join(cwd, FILE), '{}')
    expect(await kytos('token', 'list')).toMatchObject({ exit: 2, stderr: expect.stringContaining(FILE) })
  })

  it('that is not there while a service has the store: the lock tells who has it', async () => {
    const { cwd, kytos, service } = await folder()
    await service()
    await rm(join(cwd, FILE))
    expect(await kytos('token', 'list')).toMatchObject({
      exit: 1,
      stderr: expect.stringMatching(/locked by process \d+/),
    })
  })

  it('that cannot be written is told, and the service runs', async () => {
    const { cwd, log, service } = await folder()
    await writeFile(join(cwd, 'state'), 'a file where the folder would be')
    await service()
    expect(log.lines.join('\n')).toMatch(
      /warn .*service\.json was not written .*; the command line cannot reach this service/,
    )
  })
})
