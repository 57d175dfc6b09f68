import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Fields } from '../../events/commands/command.ts'
import { COMMANDS, type Facts } from '../../events/map.ts'
import { ERRORS } from '../../model/errors.ts'
import { parseJson } from '../../model/json.ts'
import { PYTHON } from '../../scripts/prepare.mjs'
import { packageRoot } from '../../src/host/package-root.ts'
import { loadCertificate } from '../../src/http/auth/certificate.ts'
import { makeCertificates } from '../support/etcd-tls.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { openGuardedRig } from '../unit/http/guarded.ts'
import { openRealRig } from '../unit/http/harness.ts'

const PAGE = await readFile(join(packageRoot(), 'docs/bus.md'), 'utf8')
const FOLDER = join(packageRoot(), 'test/python')
const COUNTER = '/api/kytos/settings/v1/me/counter'

describe('docs/bus.md', () => {
  it('has the client that is tried here', async () => {
    const [, shown] = /^```python\n(.*?)^```$/ms.exec(PAGE) ?? []
    expect(shown).toBe(await readFile(join(FOLDER, 'client.py'), 'utf8'))
  })

  it('describes every command, names every fact, and only existing error codes', () => {
    for (const [name, { effect }] of Object.entries(COMMANDS)) {
      expect(PAGE).toMatch(new RegExp(`^\\| \`${name.replaceAll('.', '\\.')}\` \\|.*\\| ${effect}s;`, 'm'))
    }
    const named = [...PAGE.matchAll(/^\| `(kytos\.\w+\.\w+)` \|/gm)].map(([, name = '']) => name)
    expect(named.filter(name => !Object.hasOwn(COMMANDS, name))).toEqual([])
    const facts: Record<keyof Facts, true> = {
      'settings.changed': true,
      'settings.rejected': true,
      'settings.pending': true,
      'settings.state': true,
      'settings.snapshot': true,
      'box.changed': true,
      'kytos/settings.loaded': true,
    }
    for (const name of Object.keys(facts)) expect(PAGE).toContain(`| \`${name}\` |`)
    const codes = [...PAGE.matchAll(/\b[A-Z]+_[A-Z]+(?:_[A-Z]+)*\b/g)]
      .map(([code]) => code)
      .filter(code => code !== 'JSON_PATCH')
    expect(codes.length).toBeGreaterThan(10)
    for (const code of codes) expect(Object.keys(ERRORS)).toContain(code)
  })

  it.each(Object.entries(COMMANDS))(
    'names the fields of %s, and which of them it needs',
    (name, { fields }) => {
      const [, content = ''] =
        new RegExp(`^\\| \`${name.replaceAll('.', '\\.')}\` \\| (.*?) \\| \\w+s;`, 'm').exec(PAGE) ?? []
      // Parentheses and braces describe what a field holds.
      const bare = content.replaceAll(/\([^)]*\)/g, '').replaceAll(/`?\{[^}]*\}`?/g, '')
      const shown = [...bare.matchAll(/`([^`]+)`/g)]
        .flatMap(([, text = '']) => text.split(/[,\s]+/))
        .filter(Boolean)
      const record: Fields = fields
      const common = (field: string) => ['scope', 'comment'].includes(field) && !shown.includes(`${field}?`)
      const expected = Object.keys(record).flatMap(field =>
        common(field) ? [] : [record[field]?.required ? field : `${field}?`],
      )
      expect([...shown].sort()).toEqual(expected.sort())
    },
  )

  it('is enough to write a client in Python that sends commands, receives facts, and resumes at its cursor', async () => {
    const { http, send } = await openRealRig()
    const proxy = await startTcpProxy(http.port)
    onTestFinished(() => proxy.close())
    const url = `ws://127.0.0.1:${proxy.port}/api/kytos/settings/v1/bus`
    await promisify(execFile)(PYTHON, ['-c', 'import websockets']).catch(cause => {
      throw new Error('The Python packages of the tests are not installed: npm test does it.', { cause })
    })
    const client = spawn(PYTHON, ['-B', 'session.py', url], {
      cwd: FOLDER,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    onTestFinished(() => void client.kill('SIGKILL'))
    const lines = createInterface({ input: client.stdout })[Symbol.asyncIterator]()
    const next = async () => parseJson((await lines.next()).value ?? 'null')

    expect(await next()).toEqual({ answered: { n: 1, dpid: 2n ** 64n - 1n } })
    expect(await next()).toEqual({ refused: expect.stringMatching(/^NAMESPACE_NOT_FOUND: .*me\/nobody/) })
    await send('PATCH', COUNTER, { body: { json: { n: 2 } } })
    proxy.refuse()
    await send('PATCH', COUNTER, { body: { json: { n: 3 } } })
    proxy.resume()
    await send('PATCH', COUNTER, { body: { json: { n: 4 } } })
    const { heard } = Object(await next())
    expect(heard.map(([n]: [number, string]) => n)).toEqual([1, 2, 3, 4])
    expect(heard[2]).toEqual([3, 'replay'])
    expect(await next()).toEqual({ retrieved: { n: 4, dpid: 2n ** 64n - 1n } })
    const [code] = client.exitCode === null ? await once(client, 'exit') : [client.exitCode]
    expect(code).toBe(0)
  })

  it('shows how a client sends a token, over TLS with its own authority', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kytos-python-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    await makeCertificates(folder)
    const certificate = await loadCertificate({
      cert: join(folder, 'server.pem'),
      key: join(folder, 'server-key.pem'),
    })
    const { http, token } = await openGuardedRig({}, { certificate })
    const script = `
import ssl, sys
from client import SettingsBus
tls = ssl.create_default_context(cafile=sys.argv[2])
print(SettingsBus(sys.argv[1], ["settings.changed"], print, token=sys.argv[3], tls=tls).ask("kytos.settings.list", {}, reads=True))`
    const url = `wss://127.0.0.1:${http.port}/api/kytos/settings/v1/bus`
    const run = (shown: string) =>
      promisify(execFile)(PYTHON, ['-B', '-c', script, url, join(folder, 'ca.pem'), shown], { cwd: FOLDER })
    expect((await run((await token(['read'])).token)).stdout).toBe('[]\n')
    await expect(run('wrong')).rejects.toThrow('HTTP 401')
  })
})
