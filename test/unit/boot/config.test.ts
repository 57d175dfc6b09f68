import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isSettingsError } from '../../../model/errors.ts'
import { findConfig, loadConfig } from '../../../src/boot/config.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kytos-config-'))
})
afterEach(() => rm(folder, { recursive: true }))

async function load(content: string | Buffer) {
  const file = join(folder, 'kytos.ini')
  await writeFile(file, content)
  return loadConfig(file)
}

/** The error message about the file, without its folder. */
async function refusal(content: string | Buffer): Promise<string> {
  try {
    await load(content)
  } catch (error) {
    if (!isSettingsError(error, 'CONFIG_INVALID')) throw error
    return error.message.replaceAll(`${folder}/`, '')
  }
  throw new Error('the file was not refused')
}

describe('a file that is right', () => {
  test('may be empty: everything has a default, and paths start at its folder', async () => {
    expect(await load('')).toEqual({
      file: join(folder, 'kytos.ini'),
      daemon: {
        listen: '127.0.0.1',
        api_port: 8181,
        napps: join(folder, 'var/lib/kytos/napps'),
        napps_pre_installed: ['kytos/settings'],
      },
      settings: {
        backend: 'filesystem',
        controller: hostname(),
        listen: '127.0.0.1',
        port: 8181,
        hosts: [],
        authentication: 'none',
        allow_anonymous: false,
        jwt_rights: ['read', 'write'],
        state_dir: join(folder, 'var/lib/kytos/settings-state'),
        keys: join(folder, 'var/lib/kytos/settings-keys.json'),
        strict: false,
        history: 50,
        start_timeout: 30,
        hook_timeout: 2,
        setup_timeout: 10,
        reconcile: 300,
        log: 'auto',
      },
      filesystem: { path: join(folder, 'var/lib/kytos/settings') },
      etcd: { endpoints: ['http://127.0.0.1:2379'], prefix: '/kytos', timeout: 5 },
    })
  })

  test('may set every key', async () => {
    const config = await load(`
[DEFAULT]
base = /srv
[daemon]
LISTEN = ::1
api_port = 0
napps = %(base)s/napps
napps_pre_installed = ["kytos/settings", "amlight/x:1.0",
  "https://napps.kytos.io/repo/kytos/y"]
jwt_secret = 100%% secret
[settings]
backend = etcd
controller = c.1
listen = 0.0.0.0
port = 8182
hosts = ["settings.example.org", "10.0.0.1"]
authentication = required
allow_anonymous = no
jwt_rights = ["admin"]
tls_cert = cert.pem
tls_key = /etc/key.pem
state_dir = ./state
strict = On
history = 9
start_timeout = 2.5
reconcile = 0
hook_timeout = 0.5
setup_timeout = 2.5
log = json
[settings.filesystem]
path = files
[settings.etcd]
endpoints = ["https://10.0.0.1:2379", "https://[::1]:2379"]
prefix = /kytos/lab
username = kytos
password_file = etc/password
ca = /etc/ca.pem
cert = cert.pem
key = key.pem
timeout = 1
`)
    expect(config.daemon).toEqual({
      listen: '::1',
      api_port: 0,
      napps: '/srv/napps',
      napps_pre_installed: ['kytos/settings', 'amlight/x:1.0', 'https://napps.kytos.io/repo/kytos/y'],
      jwt_secret: '100% secret',
    })
    expect(config.settings).toEqual({
      backend: 'etcd',
      controller: 'c.1',
      listen: '0.0.0.0',
      port: 8182,
      hosts: ['settings.example.org', '10.0.0.1'],
      authentication: 'required',
      allow_anonymous: false,
      jwt_rights: ['admin'],
      tls_cert: join(folder, 'cert.pem'),
      tls_key: '/etc/key.pem',
      state_dir: join(folder, 'state'),
      keys: join(folder, 'settings-keys.json'),
      strict: true,
      history: 9,
      start_timeout: 2.5,
      hook_timeout: 0.5,
      setup_timeout: 2.5,
      reconcile: 0,
      log: 'json',
    })
    expect(config.filesystem).toEqual({ path: join(folder, 'files') })
    expect(config.etcd).toEqual({
      endpoints: ['https://10.0.0.1:2379', 'https://[::1]:2379'],
      prefix: '/kytos/lab',
      username: 'kytos',
      password_file: join(folder, 'etc/password'),
      ca: '/etc/ca.pem',
      cert: join(folder, 'cert.pem'),
      key: join(folder, 'key.pem'),
      timeout: 1,
    })
  })

  test.each(['127.0.0.1', '127.9.9.9', '::1', 'localhost', '::ffff:127.0.0.1'])(
    'may listen on %s without authentication',
    async listen => {
      expect((await load(`[daemon]\nlisten = ${listen}`)).settings.listen).toBe(listen)
    },
  )

  test('may belong to a kytosd that listens to its switches on every address', async () => {
    const { settings, daemon } = await load('[daemon]\nlisten = 0.0.0.0\n[settings]\nlisten = 127.0.0.1')
    expect([settings.listen, daemon.listen]).toEqual(['127.0.0.1', '0.0.0.0'])
  })

  test.each(['authentication = required', 'allow_anonymous = true'])(
    'may listen beyond loopback with %s',
    async line => {
      expect((await load(`[settings]\nlisten = 0.0.0.0\n${line}`)).settings.listen).toBe('0.0.0.0')
    },
  )

  test('chooses etcd with one line', async () => {
    const { settings, etcd } = await load('[settings]\nbackend = etcd')
    expect([settings.backend, etcd.endpoints]).toEqual(['etcd', ['http://127.0.0.1:2379']])
  })

  test('may contain any option that Kytos ignores, even values that only its other readers understand', async () => {
    const config = await load(
      '[DEFAULT]\nowner = net%%ops\n[daemon]\napi_port = 8080\njwt_secret = a;b\n[formatter]\nformat = %(message)s\n[ratings]\na = 1\n[settings]\n',
    )
    expect([config.daemon.api_port, config.settings.port]).toEqual([8080, 8080])
  })

  test('may leave an optional key empty', async () => {
    expect(
      (await load('[settings]\nport =\n[settings.etcd]\nusername =\npassword_file =\n')).etcd,
    ).not.toHaveProperty('username')
  })

  test('is kytos.example.ini, with etcd or without', async () => {
    const example = fileURLToPath(new URL('../../../kytos.example.ini', import.meta.url))
    const config = await loadConfig(example)
    expect(config.settings.backend).toBe('filesystem')
    expect(config.daemon.napps_pre_installed).toEqual([
      'kytos/settings',
      'kytos/link_discovery',
      'kytos/change_log',
    ])
    const text = await readFile(example, 'utf8')
    expect((await load(text.replace('# backend = etcd', 'backend = etcd'))).settings.backend).toBe('etcd')
  })
})

describe('a file that is wrong', () => {
  test.each([
    ['[daemon]\nlisten = 0.0.0.0', 2],
    ['[settings]\nauthentication = none\nlisten = ::', 3],
    ['[daemon]\nlisten = 127.0.0.1\n[settings]\nlisten = controller-1.example.org', 4],
    ['[daemon]\nlisten = 0.0.0.0\n[settings]\nallow_anonymous = false', 2],
  ])('opens the service to others without authentication: %j', async (text, line) => {
    const said = await refusal(text)
    expect(said).toMatch(new RegExp(`^kytos\\.ini:${line}: listen is "[^"]+", which other hosts can reach`))
    for (const way of ['authentication = required', 'listen = 127.0.0.1', 'allow_anonymous = true'])
      expect(said).toContain(way)
  })

  test('names a missing part of a certificate, an unknown permission and an invalid host', async () => {
    expect(await refusal('[settings]\ntls_cert = cert.pem')).toBe(
      'kytos.ini:2: [settings] tls_cert is set without tls_key: set both or neither.',
    )
    expect(await refusal('[settings]\ntls_key = key.pem')).toBe(
      'kytos.ini:2: [settings] tls_key is set without tls_cert: set both or neither.',
    )
    expect(await refusal('[settings]\njwt_rights = ["wrote"]')).toContain(
      '"wrote" is not a permission; did you mean "write"?',
    )
    expect(await refusal('[settings]\nhosts = ["a:80"]')).toContain(
      '"a:80" is not an IP address or a host name, without a port',
    )
  })

  test('reports all problems at once, each with its line, the allowed values and the remedy', async () => {
    const message = await refusal(`[daemon]
api_port = http
listen = 127.0.0.1:80
napps_pre_installed = kytos/settings
napps =
[settings]
backend = filesytem
bakend = etcd
endpoints = ["http://x:1"]
controller = a b
strict = maybe
start_timeout = 0
reconcile = -1
owner = me
[settings.ectd]
prefix = /x
[Settings]
[setting]
[settings.etcd]
endpoints = ["ftp://a:1", "http://u:secret@h:1", "http://h", 7]
prefix = kytos/
username = me
ca = ca.pem
cert = cert.pem
timeout = 1e3
`)
    expect(message).toMatchInlineSnapshot(`
      "kytos.ini: 20 problems:
        kytos.ini:2: [daemon] api_port is "http": expected a port, 0 to 65535.
        kytos.ini:3: [daemon] listen is "127.0.0.1:80": expected an IP address or a host name, without a port.
        kytos.ini:4: [daemon] napps_pre_installed is not a JSON list of strings: write it as ["kytos/settings"].
        kytos.ini:5: [daemon] napps is empty: set a value (path), or remove the line for the default var/lib/kytos/napps.
        kytos.ini:7: [settings] backend is "filesytem"; did you mean "filesystem"? Allowed are filesystem, etcd, a package such as "@me/my-store", or a module such as "./my-store.mjs".
        kytos.ini:8: Unknown key "bakend" in [settings]: did you mean "backend"? Allowed are backend, controller, listen, port, hosts, authentication, allow_anonymous, jwt_rights, tls_cert, tls_key, state_dir, keys, strict, history, start_timeout, hook_timeout, setup_timeout, reconcile, log.
        kytos.ini:9: Unknown key "endpoints" in [settings]: it belongs to [settings.etcd]; allowed here are backend, controller, listen, port, hosts, authentication, allow_anonymous, jwt_rights, tls_cert, tls_key, state_dir, keys, strict, history, start_timeout, hook_timeout, setup_timeout, reconcile, log.
        kytos.ini:10: [settings] controller is "a b": expected 1 to 64 letters, digits, ".", "_" or "-", the first one a letter or digit.
        kytos.ini:11: [settings] strict is "maybe": expected one of true, yes, on, 1, false, no, off, 0.
        kytos.ini:12: [settings] start_timeout is "0": expected seconds, above 0 and at most 86400, such as 30 or 2.5.
        kytos.ini:13: [settings] reconcile is "-1": expected seconds, at most 86400, such as 300, or 0 for never.
        kytos.ini:14: Unknown key "owner" in [settings]: allowed are backend, controller, listen, port, hosts, authentication, allow_anonymous, jwt_rights, tls_cert, tls_key, state_dir, keys, strict, history, start_timeout, hook_timeout, setup_timeout, reconcile, log.
        kytos.ini:15: Unknown section [settings.ectd]: did you mean "settings.etcd"? Allowed are settings, settings.filesystem, settings.etcd.
        kytos.ini:17: Unknown section [Settings]: did you mean "settings"? Allowed are settings, settings.filesystem, settings.etcd.
        kytos.ini:18: Unknown section [setting]: did you mean "settings"? Allowed are settings, settings.filesystem, settings.etcd.
        kytos.ini:20: [settings.etcd] endpoints is not a JSON list of strings: write it as ["http://127.0.0.1:2379"].
        kytos.ini:21: [settings.etcd] prefix is "kytos/": expected a prefix such as /kytos, which starts but does not end with "/", and has no "//" and no space.
        kytos.ini:22: [settings.etcd] username is set without password_file: set both or neither.
        kytos.ini:24: [settings.etcd] cert is set without key: set both or neither.
        kytos.ini:25: [settings.etcd] timeout is "1e3": expected seconds, above 0 and at most 86400, such as 30 or 2.5."
    `)
  })

  test('is reported with the problem of each endpoint, without a password', async () => {
    const message = await refusal(
      '[settings.etcd]\nendpoints = ["ftp://a:1", "http://u:secret@h:1", "http://h", "http://h:1/x"]',
    )
    expect(message).toMatchInlineSnapshot(
      `"kytos.ini:2: [settings.etcd] endpoints is invalid: "ftp://a:1" is not a URL that starts with http:// or https://; a URL contains a user: use username and password_file instead; "http://h" must be scheme, host and port only, such as http://h:2379; "http://h:1/x" must be scheme, host and port only, such as http://h:2379."`,
    )
    expect(await refusal('[settings.etcd]\nendpoints = []')).toContain('is an empty list')
    expect(await refusal('[settings.etcd]\nendpoints = ["http://a:1", "https://b:1"]')).toContain(
      'mixes http:// and https://',
    )
  })

  test('with a user but no password, or an authority for plain http, is refused', async () => {
    expect(await refusal('[settings.etcd]\nusername = me\nca = ca.pem')).toMatchInlineSnapshot(`
      "kytos.ini: 2 problems:
        kytos.ini:2: [settings.etcd] username is set without password_file: set both or neither.
        kytos.ini:3: [settings.etcd] ca is set, but endpoints start with http://, which is unencrypted. Use https://, or remove ca."
    `)
  })

  test('never has its secrets repeated', async () => {
    for (const text of [
      '["http://u:hunter2@h:1", 7]',
      '["http://u:hunter2@h:1"]',
      '["ftp://u:hunter2@h"]',
      'http://u:hunter2@h:1',
    ]) {
      expect(await refusal(`[settings.etcd]\nendpoints = ${text}`)).not.toContain('hunter')
    }
    expect(await refusal('[daemon]\njwt_secret = a%hunter2')).not.toContain('hunter')
  })

  test('with a bare percent sign is refused where Kytos would refuse it, or where it is ours', async () => {
    expect(await refusal('[daemon]\nlog_format = %(message)s')).toContain(
      'kytos.ini:2: [daemon] "log_format": "%(message)s" is not an option',
    )
    expect(await refusal('[settings]\nstate_dir = 100%')).toContain('kytos.ini:2: [settings] "state_dir"')
    expect((await load('[DEFAULT]\nx = 100%\n[settings]\nstrict = yes')).settings.strict).toBe(true)
  })

  test('reports its syntax and its values together', async () => {
    const message = await refusal('[settings]\nbackend = mongo db\nnonsense\n')
    expect(message).toMatch(
      /^kytos\.ini: 2 problems:\n {2}kytos\.ini:2: .*mongo db.*\n {2}kytos\.ini:3: "nonsense"/,
    )
  })

  test('is named when it is not UTF-8, a folder or not there', async () => {
    expect(await refusal(Buffer.concat([Buffer.from('[settings]\nstate_dir = '), Buffer.from([0xe9])]))).toBe(
      'kytos.ini:2: the file is not UTF-8. Save it as UTF-8.',
    )
    await expect(loadConfig(folder)).rejects.toThrow(`${folder}: the file cannot be read: it is a folder.`)
    await expect(loadConfig(join(folder, 'none.ini'))).rejects.toMatchObject({ code: 'CONFIG_ABSENT' })
  })
})

describe('finding the file', () => {
  test('kytos.ini comes before kytos.conf, the working folder before the system', async () => {
    const system = join(folder, 'venv/etc/kytos')
    const around = { cwd: folder, env: { VIRTUAL_ENV: join(folder, 'venv') } }
    await mkdir(system, { recursive: true })
    const files = [
      join(system, 'kytos.conf'),
      join(system, 'kytos.ini'),
      join(folder, 'kytos.conf'),
      join(folder, 'kytos.ini'),
    ]
    for (const file of files) {
      await writeFile(file, '')
      expect(findConfig(undefined, around)).toBe(file)
    }
    expect(findConfig('venv/etc/kytos/kytos.conf', around)).toBe(files[0])
  })

  test('the system is that of a virtual environment of Python only in one', () => {
    // Whether or not the host of this test has one.
    const told = (): string => {
      try {
        return findConfig(undefined, { cwd: folder, env: { VIRTUAL_ENV: '' } })
      } catch (error) {
        return String(error)
      }
    }
    expect(told()).toMatch(/(?:^| )\/etc\/kytos\/kytos\.(?:ini|conf)/)
  })

  test('without a file, reports the searched paths and how to create one', () => {
    const around = { cwd: folder, env: { VIRTUAL_ENV: join(folder, 'venv') } }
    const places = ['kytos.ini', 'kytos.conf', 'venv/etc/kytos/kytos.ini', 'venv/etc/kytos/kytos.conf'].map(
      file => join(folder, file),
    )
    expect(() => findConfig(undefined, around)).toThrow(
      expect.objectContaining({
        code: 'CONFIG_ABSENT',
        message: expect.stringContaining(`${places.join(', ')}. Copy kytos.example.ini to kytos.ini`),
      }),
    )
    expect(() => findConfig('my.ini', around)).toThrow(
      `The configuration file ${join(folder, 'my.ini')} does not exist.`,
    )
  })
})
