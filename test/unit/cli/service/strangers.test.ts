import { once } from 'node:events'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { run } from '../../../../src/cli/program.ts'
import { commandLine } from '../../cli/cli-world.ts'

/*
 * A server of another user, to which files lead the command line. It counts requests, and keeps what it was
 * sent.
 */

const TOKEN = `kytos_0123456789abcdef_${'A'.repeat(43)}`
/** Commands that call a service, through each part of the client. */
const COMMANDS = [
  ['list'],
  ['set', 'kytos/x', 'password=1'],
  ['watch'],
  ['import', 'x.json'],
  ['token', 'list'],
  ['doctor'],
  ['__complete', '--', 'get', ''],
]

let cwd: string
let port: number
let received: string[]
beforeEach(async () => {
  received = []
  const server = createServer((request, response) => {
    received.push(`${request.method} ${request.url} ${request.headers.authorization}`)
    response.writeHead(200, { 'content-type': 'application/json' }).end('[]')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
  onTestFinished(() => void server.close())
  cwd = (await commandLine()).cwd
  await settings(`port = ${port}\ncontroller = c1`)
  await mkdir(join(cwd, 'state/c1'), { recursive: true })
  await writeFile(join(cwd, 'x.json'), '{"kytos/x": {"password": "1"}}')
})

async function settings(lines: string): Promise<void> {
  const text = await readFile(join(cwd, 'kytos.ini'), 'utf8')
  await writeFile(join(cwd, 'kytos.ini'), text.replace('[settings]\n', `[settings]\n${lines}\n`))
}

async function serviceFile(url: string, mode = 0o600): Promise<void> {
  const file = join(cwd, 'state/c1/service.json')
  await writeFile(file, JSON.stringify({ url, token: 'the-token-of-the-owner' }))
  await chmod(file, mode)
}

async function kytos(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const written: string[] = []
  const out = { write: (text: string) => written.push(text) }
  const exit = await run(args, {
    cwd,
    env,
    stdout: out,
    stderr: out,
    stdin: Readable.from([]),
    interruption: () => AbortSignal.timeout(1_000),
    ready: () => {},
  })
  return { exit, text: written.join('') }
}

describe('nothing is sent', () => {
  it.each(COMMANDS)('by "%s" where a kytos.ini that others may write leads', async (...args) => {
    await chmod(join(cwd, 'kytos.ini'), 0o666)
    const { exit, text } = await kytos(args, { KYTOS_SETTINGS_TOKEN: TOKEN })
    expect(received).toEqual([])
    if (args[0] === '__complete') return
    expect(exit).not.toBe(0)
    expect(text).toMatch(/kytos\.ini may be written by others \(mode 0666\).*chmod go-w/s)
  })

  it.each(COMMANDS)('by "%s" where a service.json that others may write leads', async (...args) => {
    await serviceFile(`http://127.0.0.1:${port}`, 0o666)
    const { exit, text } = await kytos(args)
    expect(received).toEqual([])
    if (args[0] === '__complete') return
    expect(exit).not.toBe(0)
    expect(text).toMatch(/service\.json may be written by others \(mode 0666\)/)
  })

  it.each(COMMANDS)('by "%s" to another host that a service.json names', async (...args) => {
    await serviceFile('http://192.0.2.1:8181')
    const { exit, text } = await kytos(args)
    if (args[0] === '__complete') return
    expect(exit).not.toBe(0)
    expect(text).toContain('"http://192.0.2.1:8181", which is not an address of this host')
  })

  it.runIf(process.getuid?.() === 0)('where a service.json of another user leads', async () => {
    const { chown } = await import('node:fs/promises')
    await serviceFile(`http://127.0.0.1:${port}`)
    await chown(join(cwd, 'state/c1/service.json'), 1234, 1234)
    expect((await kytos(['list'])).text).toMatch(/belongs to user 1234.*as the user of the service/)
    expect(received).toEqual([])
  })

  it.each([[['list']], [['watch']], [['list', '--token-file', 'token']]])(
    'by %s to another host that only kytos.ini names, with a token',
    async args => {
      await settings('listen = 192.0.2.1\nauthentication = required')
      await writeFile(join(cwd, 'token'), TOKEN)
      const { exit, text } = await kytos(args, { KYTOS_SETTINGS_TOKEN: TOKEN })
      expect(exit).toBe(2)
      expect(text).toMatch(/The token was not sent to http:\/\/192\.0\.2\.1:\d+.*--url/)
    },
  )
})

describe('a token of the environment is sent', () => {
  const sent = () => expect(received).toEqual([expect.stringMatching(new RegExp(`Bearer ${TOKEN}$`))])

  it('to this host under a kytos.ini of this user', async () => {
    expect(await kytos(['list'], { KYTOS_SETTINGS_TOKEN: TOKEN })).toMatchObject({ exit: 0 })
    sent()
  })

  it('to an address that the caller names, and under a file that the caller names', async () => {
    await chmod(join(cwd, 'kytos.ini'), 0o666)
    await kytos(['list', '--url', `http://127.0.0.1:${port}`], { KYTOS_SETTINGS_TOKEN: TOKEN })
    sent()
    received = []
    await kytos(['list', '-c', 'kytos.ini'], { KYTOS_SETTINGS_TOKEN: TOKEN })
    sent()
  })
})
