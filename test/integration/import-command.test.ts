import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { parseJson } from '../../model/json.ts'
import { readSettingsPy } from '../../src/import/settings-py.ts'
import { freePort } from '../support/etcd-process.ts'
import { makeCertificates } from '../support/etcd-tls.ts'
import { runIn } from '../unit/cli/cli-world.ts'
import { type CliStage, openCliStage, read } from './cli-stage.ts'

const SETTINGS = `"""Settings."""
# Seconds between two polls
POLLING_TIME = 3
COOKIE = 0xDD00000000000000
DB_PASSWORD = "s3cret"
LOCK = object()
`
const NAPP = 'old/kytos/example/settings.py'
const FILES = [NAPP, 'kytos.conf', 'more.json', 'storehouse']
const EXPORTED = {
  'kytos/core': { port: 6633, jwt_secret: { $sealed: expect.any(String) } },
  'kytos/example': { DB_PASSWORD: { $sealed: expect.any(String) } },
  'kytos/more': { n: 9007199254740993n },
}

/**
 * Creates the files of an operator that migrates: one of each kind, and so many settings of one NApp, and
 * boxes of one namespace of storehouse.
 */
async function layOut({ cwd }: CliStage, settings: number, boxes: number): Promise<void> {
  await mkdir(join(cwd, 'old/kytos/example'), { recursive: true })
  await writeFile(join(cwd, NAPP), SETTINGS)
  await writeFile(join(cwd, 'kytos.conf'), '[daemon]\nport = 6633\njwt_secret = 100%%safe\napi_port = 8181\n')
  const filling = Array.from({ length: settings }, (_, n) => `"filling_${n}": ${n}`)
  await writeFile(join(cwd, 'more.json'), `{"kytos/more": {"n": 9007199254740993, ${filling.join(', ')}}}`)
  layOutBoxes(join(cwd, 'storehouse'), boxes)
}

/** Boxes of storehouse, so many of one namespace, or one alone with a text of so many characters. */
function layOutBoxes(folder: string, boxes: number, characters = 0): void {
  const script = fileURLToPath(new URL('import-storehouse.py', import.meta.url))
  execFileSync('python3', [script, folder, String(boxes)], {
    env: { ...process.env, CHARACTERS: String(characters) },
  })
}

/** The kytos.conf with its secret, which needs the permission. */
async function exportConf(stage: CliStage): Promise<string> {
  const { stdout: token } = await stage.run(['token', 'create', 'conf', '--rights', 'read,secrets'])
  const { stdout } = await stage.run(['export', '--format', 'kytos.conf'], {
    KYTOS_SETTINGS_TOKEN: token.trim(),
  })
  return stdout
}

describe.each(['filesystem', 'etcd'] as const)('the import by the built command line on %s', backend => {
  let stage: CliStage
  beforeAll(async () => {
    stage = await openCliStage(backend)
    // The output about these is larger than the buffer of a pipe.
    await layOut(stage, 400, 40)
  })
  afterAll(() => stage.close())

  it('brings settings.py, kytos.conf, JSON and storehouse into the running service, again without a change, and exports them', async () => {
    await stage.start()
    const trial = await stage.run(['import', '--dry-run', ...FILES])
    expect(trial).toMatchObject({ exit: 0, stderr: '' })
    expect(trial.stdout).toMatch(
      /Planned: \d+ new, 0 changed, 0 same, \d+ skipped\. Nothing was written\.\n$/,
    )
    expect((await stage.run(['export'])).stdout).toBe('{}\n')
    const done = await stage.run(['import', ...FILES])
    expect(done.exit).toBe(0)
    expect(done.stdout.trimEnd().split('\n').slice(0, -1)).toEqual(
      trial.stdout.trimEnd().split('\n').slice(0, -1),
    )
    expect(done.stdout).toContain('skipped  kytos/example LOCK')
    expect(done.stdout).toContain('old/kytos/example/settings.py:6')
    expect(done.stdout).not.toContain('s3cret')
    // More than a pipe takes at once, to a reader that is slow.
    const again = execFileSync(
      'bash',
      ['-c', `./kytos-settings import --json ${FILES.join(' ')} 2> said.txt | (sleep 2; cat)`],
      {
        cwd: stage.cwd,
        encoding: 'utf8',
      },
    )
    expect(again.length).toBeGreaterThan(65_536)
    expect(JSON.parse(again)).toMatchObject({ counts: { new: 0, changed: 0, same: 453 } })
    expect(await read(stage, 'said.txt')).toBe('')

    expect(parseJson((await stage.run(['export'])).stdout)).toMatchObject(EXPORTED)
    const conf = await exportConf(stage)
    expect(conf).toContain('[daemon]\n')
    expect(conf).toContain('port = 6633\n')
    expect(conf).toContain('jwt_secret = 100%%safe\n')
    expect((await stage.run(['history', 'kytos/example'])).stdout).toContain(`import ${NAPP}:`)
  }, 60_000)

  it('shows on a terminal how far it is, and is stopped by Ctrl-C without a loss', async () => {
    if (!(await stage.run(['list'])).stdout.includes('kytos/example'))
      throw new Error('The test before this one fills the store.')
    layOutBoxes(join(stage.cwd, 'more'), 400)
    const terminal = stage.terminal(['import', 'more'])
    await terminal.shows(/\r\[#*\.*\] read more: \d+ of 411, \d+\/s\x1b\[K/)
    await terminal.shows(/\r\[#+\.+\] imported: \d+ of 406, \d+\/s\x1b\[K/)
    terminal.type('\x03')
    await terminal.shows(
      /Interrupted\. Completed changes are stored; run the same command again to continue\./,
    )
    expect(await terminal.ended).toBe(6)
    const again = stage.terminal(['import', 'more'])
    await again.shows(/imported: 406 of 406, \d+\/s\x1b\[K\r?\n/)
    expect(await again.ended).toBe(0)
    expect(again.shown()).toMatch(/\d+ new, 0 changed, [1-9]\d* same, \d+ skipped\./)
  }, 60_000)

  it('imports a box of 2 MiB if the store accepts it, and reports in a dry run if it would not', async () => {
    layOutBoxes(join(stage.cwd, 'large'), 0, 2 ** 21)
    expect((await stage.run(['import', '--dry-run', 'large'])).stdout).toMatch(
      /new .* it has 2097154 bytes; the filesystem backend allows that, etcd allows/,
    )
    const { stdout } = await stage.run(['import', 'large'])
    if (backend === 'filesystem') expect(stdout).toMatch(/^1 new, 0 changed, 0 same, 0 skipped/m)
    else expect(stdout).toMatch(/skipped .*The box would have 2097154 bytes; this store allows 1048576/)
  }, 60_000)

  it('opens the store itself where no service runs, and the service then has it all', async () => {
    await stage.stop()
    await writeFile(join(stage.cwd, 'later.json'), '{"kytos/later": {"n": 1}}')
    const done = await stage.run(['import', 'later.json', 'storehouse'])
    expect(done).toMatchObject({
      exit: 0,
      stderr: expect.stringContaining('No service is running here; opening the store directly'),
    })
    expect(done.stdout).toMatch(/1 new, 0 changed, 46 same/)
    const exported = await stage.run(['export'])
    expect(parseJson(exported.stdout)).toMatchObject({ ...EXPORTED, 'kytos/later': { n: 1 } })
    await stage.start()
    expect((await stage.run(['export'])).stdout).toBe(exported.stdout)
  }, 60_000)
})

it('imports into a service elsewhere over TLS, with a token that may write', async () => {
  const port = await freePort()
  const stage = await openCliStage(
    'filesystem',
    `listen = 0.0.0.0\nport = ${port}\nauthentication = required\ntls_cert = server.pem\ntls_key = server-key.pem`,
  )
  try {
    await makeCertificates(stage.cwd)
    await layOut(stage, 1, 10)
    await stage.start()
    // As its owner, on its own host, regardless of the names in its certificate.
    expect((await stage.run(['import', 'more.json'])).stdout).toMatch(/\n2 new, 0 changed/)
    for (const [name, rights] of [
      ['reader', 'read'],
      ['writer', 'write'],
    ] as const)
      await writeFile(
        join(stage.cwd, name),
        (await stage.run(['token', 'create', name, '--rights', rights])).stdout,
      )
    const url = ['--url', `https://127.0.0.1:${port}`]
    const trusted = { NODE_EXTRA_CA_CERTS: join(stage.cwd, 'ca.pem') }
    const wrong = [
      [[...url, '--token-file', 'writer'], {}, 6, 'NODE_EXTRA_CA_CERTS'],
      [url, trusted, 1, 'token'],
      [[...url, '--token-file', 'reader'], trusted, 1, 'write'],
    ] as const
    for (const [args, env, exit, said] of wrong) {
      const ran = await stage.run(['import', 'kytos.conf', ...args], env)
      expect(ran).toMatchObject({ exit, stdout: '', stderr: expect.stringContaining(said) })
    }
    const done = await stage.run(['import', ...FILES, ...url, '--token-file', 'writer'], trusted)
    expect(done).toMatchObject({ exit: 0, stderr: '' })
    expect(
      parseJson((await stage.run(['export', ...url, '--token-file', 'reader'], trusted)).stdout),
    ).toMatchObject(EXPORTED)
    expect(await read(stage, 'state/c1/service.json')).toContain('https://')
  } finally {
    await stage.close()
  }
}, 60_000)

it('writes the schema that a settings.py implies, and reports the problems of a file', async () => {
  const stage = await openCliStage('filesystem')
  onTestFinished(() => stage.close())
  const { cwd } = stage
  await writeFile(join(cwd, 'settings.py'), SETTINGS)
  const trial = await stage.run(['import', '--dry-run', 'settings.py', '--namespace', 'kytos/example'])
  expect(trial).toMatchObject({
    exit: 0,
    stderr: 'kytos-settings: No service is running here, and no store exists yet.\n',
  })
  expect(trial.stdout).toContain('Planned: 3 new')
  expect(await readdir(cwd)).not.toContain('store')
  const interruption = new AbortController()
  interruption.abort()
  const stopped = await runIn(
    cwd,
    ['import', '--dry-run', 'settings.py', '--namespace', 'kytos/example'],
    undefined,
    interruption,
  )
  expect(stopped).toMatchObject({
    exit: 6,
    stderr: expect.stringContaining('Interrupted. Nothing was written.'),
  })
  // As a service manager makes it.
  await mkdir(join(cwd, 'store'))
  expect(await stage.run(['import', '--dry-run', 'settings.py', '--namespace', 'kytos/example'])).toEqual(
    trial,
  )
  expect(await readdir(join(cwd, 'store'))).toEqual([])
  await writeFile(join(cwd, 'broken.py'), 'A = 1\nprint "x"\n')
  expect(
    (
      await stage.run([
        'import',
        'settings.py',
        '--namespace',
        'kytos/example',
        '--schema-out',
        'schema.json',
      ])
    ).exit,
  ).toBe(0)
  expect(parseJson(await readFile(join(cwd, 'schema.json'), 'utf8'))).toEqual(
    readSettingsPy(Buffer.from(SETTINGS)).schema,
  )
  await mkdir(join(cwd, '.hidden'))
  await writeFile(join(cwd, '.hidden/settings.py'), SETTINGS)
  await writeFile(join(cwd, 'broken.json'), '{"kytos/a": {"n": 1},}')
  const wrong = [
    [['.hidden/settings.py'], 2, '--namespace'],
    [['absent.py', '--namespace', 'a/b'], 2, 'absent.py'],
    [['settings.txt'], 2, 'settings.txt'],
    [['broken.py', '--namespace', 'a/b'], 4, 'broken.py:2'],
    [['broken.py', '--namespace', 'a/b'], 4, 'No value could be read from broken.py (exit code 4).'],
    [['settings.py', 'kytos.conf', '--namespace', 'a/b'], 2, 'one file'],
    [['broken.json'], 4, 'broken.json:1'],
  ] as const
  for (const [args, exit, said] of wrong) {
    const ran = await runIn(cwd, ['import', ...args])
    expect(ran).toMatchObject({ exit })
    expect(ran.stderr + ran.stdout).toContain(said)
  }
}, 60_000)

it('finds the bus of a service behind a proxy, below a path of it', async () => {
  const stage = await openCliStage('filesystem')
  const proxy = createServer((request, response) => {
    const passed = httpRequest(
      `${stage.url}${below(request.url)}`,
      { method: request.method, headers: toStage(request) },
      answer => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      },
    )
    request.pipe(passed)
  })
  proxy.on('upgrade', (request, near) => {
    const far = httpRequest(`${stage.url}${below(request.url)}`, { headers: toStage(request) }).end()
    far.on('response', ({ statusCode }) => near.end(`HTTP/1.1 ${statusCode} Refused\r\n\r\n`))
    far.on('upgrade', ({ headers }, line) => {
      near.write(
        `HTTP/1.1 101 Switching Protocols\r\n${Object.entries(headers)
          .map(([name, value]) => `${name}: ${value}\r\n`)
          .join('')}\r\n`,
      )
      near.pipe(line).pipe(near)
    })
  })
  try {
    await writeFile(join(stage.cwd, 'more.json'), '{"kytos/more": {"n": 1}}')
    await stage.start()
    proxy.listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/kytos`
    expect(await stage.run(['import', 'more.json', '--url', url])).toMatchObject({
      exit: 0,
      stdout: expect.stringContaining('1 new, 0 changed'),
    })
  } finally {
    proxy.close()
    proxy.closeAllConnections()
    await stage.close()
  }

  function below(url = ''): string {
    return url.replace(/^\/kytos/, '')
  }
  function toStage({ headers }: IncomingMessage): OutgoingHttpHeaders {
    return { ...headers, host: new URL(stage.url).host }
  }
}, 60_000)
