import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { loadBackend } from '../../src/boot/backend-registry.ts'
import { packageRoot } from '../../src/host/package-root.ts'
import { openController } from '../support/controller.ts'
import { startEtcd } from '../support/etcd.ts'
import { freshFolder, kytosSettings } from './host-process.ts'

const run = promisify(execFile)

/** A folder whose service asks for tokens. */
async function guardedFolder(): Promise<string> {
  const cwd = await freshFolder()
  const file = join(cwd, 'kytos.ini')
  await writeFile(
    file,
    (await readFile(file, 'utf8')).replace(
      '[settings]',
      '[settings]\ncontroller = c1\nauthentication = required',
    ),
  )
  return cwd
}

describe('the built command line', () => {
  it('works as in docs/security.md, against a service that requires tokens', async () => {
    const cwd = await guardedFolder()
    const service = kytosSettings(cwd, 'start')
    const url = await service.ready
    const docs = await readFile(join(packageRoot(), 'docs/security.md'), 'utf8')
    const [, commands = ''] = /```sh\n(.*?)```/s.exec(docs) ?? []
    expect(commands).toContain('token create')
    const main = join(packageRoot(), 'dist/src/main.js')
    const script = `set -e\nnpx() { shift; "${process.execPath}" "${main}" "$@"; }\n${commands.replaceAll('http://127.0.0.1:8181', url)}`
    const { stdout } = await run('bash', ['-c', script], { cwd })
    expect(stdout).toContain('"polling_time":1')
    expect(stdout).toContain('"actor":{"type":"user","name":"ci","by":{"token":"')
    expect(stdout).toMatch(/ ci +write +/)
    expect(stdout).toMatch(/The token [0-9a-f]{16} is revoked\.\n$/)
    expect((await fetch(`${url}/api/kytos/settings/v1/`)).status).toBe(401)
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
  })

  it('creates and revokes tokens around a service that was killed, and ends the connections opened with them', async () => {
    const cwd = await guardedFolder()
    const made = kytosSettings(cwd, 'token', 'create', 'reader')
    expect(await made.ended).toBe(0)
    const [token] = /kytos_\S+/.exec(made.output()) ?? []
    const first = kytosSettings(cwd, 'start')
    await first.ready
    first.child.kill('SIGKILL')
    await first.ended
    const second = kytosSettings(cwd, 'start')
    const url = await second.ready
    const stream = await new Promise<Parameters<typeof text>[0]>((resolve, reject) => {
      const request = get(
        `${url}/api/kytos/settings/v1/events`,
        { headers: { authorization: `Bearer ${token}` }, agent: false },
        resolve,
      )
      request.on('error', reject)
      onTestFinished(() => void request.destroy())
    })
    const revoked = kytosSettings(cwd, 'token', 'revoke', token?.split('_')[1] ?? '')
    expect(await revoked.ended).toBe(0)
    expect(await text(stream)).toMatch(/: the token was revoked or has expired\n\n$/)
  })
})

it('on etcd a token made on one controller is good on the other within a moment, and so is its end', async () => {
  const etcd = await startEtcd()
  onTestFinished(() => etcd.stop())
  const open = async (id: string) => {
    const controller = await openController({
      id,
      backend: await loadBackend({
        backend: 'etcd',
        endpoints: etcd.endpoints,
        prefix: '/kytos',
        timeout: 5,
      }),
    })
    onTestFinished(() => controller.close())
    return controller.service.tokens
  }
  const [one, two] = [await open('controller-1'), await open('controller-2')]
  const { id, token } = await one.create({ name: 'ci', rights: ['read'] }, { type: 'user', name: 'alice' })
  await expect.poll(() => isGood(two, token), { interval: 5, timeout: 1_000 }).toBe(true)
  const grant = two.check(token)
  await one.revoke(id)
  await expect.poll(() => grant.isValid() || isGood(two, token), { interval: 5, timeout: 1_000 }).toBe(false)
})

function isGood(tokens: { check(text: string): unknown }, token: string): boolean {
  try {
    tokens.check(token)
    return true
  } catch {
    return false // refused, which is what is asked
  }
}
