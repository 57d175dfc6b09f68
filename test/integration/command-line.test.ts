import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseJson } from '../../model/json.ts'
import { freePort } from '../support/etcd-process.ts'
import { runIn } from '../unit/cli/cli-world.ts'
import { type CliStage, openCliStage } from './cli-stage.ts'

const NAPP = 'kytos/link_discovery'
const API = '/api/kytos/settings/v1'
const ESCAPE = '\x1b['

describe.each(['filesystem', 'etcd'] as const)('the command line on %s', backend => {
  let stage: CliStage
  beforeAll(async () => {
    stage = await openCliStage(backend)
    await stage.start()
  })
  afterAll(() => stage.close())

  it('sets, shows, explains and takes back', async () => {
    const set = await stage.run([
      'set',
      NAPP,
      'polling_time=5',
      'liveness.min_hellos=3',
      '/flow_cookie=12321848580485677057',
      '--comment',
      'Grüße, 静か',
    ])
    expect(set).toMatchObject({ exit: 0, stderr: '' })
    expect(set.stdout).toMatch(/^Key +Old +New +Applies\n/)
    expect(set.stdout).toMatch(/^flow_cookie +12321848580485677056 +12321848580485677057 +restart$/m)
    expect(set.stdout).toMatch(/^liveness.min_hellos +2 +3 +live$/m)
    const [all, one, object, exact, listed, explained, history, described] = await Promise.all([
      stage.run(['get', NAPP]),
      stage.run(['get', NAPP, 'liveness.min_hellos']),
      stage.run(['get', NAPP, '/liveness', '--json']),
      stage.run(['get', NAPP, '--json']),
      stage.run(['list']),
      stage.run(['explain', NAPP, 'polling_time']),
      stage.run(['history', NAPP]),
      stage.run(['describe', NAPP]),
    ])
    expect(all.stdout).toMatch(/^polling_time +5 +set\n/m)
    expect(all.stdout).toMatch(/^ignored_vlans +\[\]\n/m)
    expect(one).toEqual({ exit: 0, stdout: '3\n', stderr: '' })
    expect(parseJson(object.stdout)).toEqual({ min_hellos: 3, dead_multiplier: 5 })
    expect(parseJson(exact.stdout)).toMatchObject({
      namespace: NAPP,
      data: { flow_cookie: 12321848580485677057n },
      version: 1,
    })
    expect(listed.stdout).toMatch(/^kytos\/link_discovery +\d+ +1 +yes +yes +ready$/m)
    expect(explained.stdout).toMatch(
      /^polling_time +5 +cluster +local-admin +\d{4}-\S+ \S+\n {2}hides +3 +default +- +-\n$/m,
    )
    expect(history.stdout).toMatch(/^1 +\d{4}-.* created +polling_time unset -> 5, .* Grüße, 静か$/m)
    expect(described.stdout).toMatch(/^polling_time +number >= 0.1 <= 86400 +3 +live +Seconds between/m)
    const unset = await stage.run(['unset', NAPP, 'liveness.min_hellos', '--json'])
    expect(parseJson(unset.stdout)).toMatchObject({
      version: 2,
      overrides: { polling_time: 5, flow_cookie: 12321848580485677057n },
    })
    expect(unset.stdout).not.toContain('liveness": {}')
    const [diff, since, machines] = await Promise.all([
      stage.run(['diff', NAPP]),
      stage.run(['diff', NAPP, '0', '1']),
      stage.run(['diff', NAPP, '1', '--json']),
    ])
    expect(diff).toEqual({
      exit: 0,
      stderr: '',
      stdout: `--- ${NAPP} version 1
+++ ${NAPP} version 2 (now)
@@ -1,7 +1,4 @@
 {
   "flow_cookie": 12321848580485677057,
-  "liveness": {
-    "min_hellos": 3
-  },
   "polling_time": 5
 }
`,
    })
    expect(since.stdout).toContain('+    "min_hellos": 3\n')
    expect(parseJson(machines.stdout)).toMatchObject({
      from: 1,
      to: 2,
      changes: [{ path: '/liveness/min_hellos', old: 3 }],
    })
  })

  it('tries a change first, keeps to a revision, and stores for one controller', async () => {
    const before = await stage.run(['get', NAPP, '--json'])
    const { revision } = parseJson(before.stdout) as { readonly revision: string }
    const dry = await stage.run(['set', NAPP, 'polling_time=1', '--dry-run'])
    expect(dry).toMatchObject({
      exit: 0,
      stdout: expect.stringMatching(/^kytos\/link_discovery +c1 +live +accepted$/m),
    })
    expect(dry.stdout).toMatch(/^polling_time +\S+ +1 +live$[\s\S]*nothing was written\.\n$/m)
    expect(await stage.run(['get', NAPP, '--json'])).toEqual(before)
    const other = await stage.run(['set', NAPP, 'polling_time=1', '--if-revision', '1'])
    expect(other).toMatchObject({
      exit: 5,
      stdout: '',
      stderr: expect.stringMatching(/^kytos-settings: .*is at revision \d+, not 1.*\n$/),
    })
    expect(
      (await stage.run(['set', NAPP, 'polling_time=0.5', '--scope', 'controller', '--if-revision', revision]))
        .exit,
    ).toBe(0)
    const hidden = await stage.run(['set', NAPP, 'polling_time=7'])
    expect(hidden).toMatchObject({
      exit: 0,
      stderr: expect.stringMatching(/A higher layer hides polling_time on this controller/),
    })
    expect(hidden.stdout).toContain('The effective settings on this controller are unchanged.')
    expect((await stage.run(['set', NAPP, 'polling_time=7'])).stdout).toMatch(
      /already has these overrides: nothing was stored/,
    )
    const back = await stage.run(['unset', NAPP, 'polling_time', '--scope', 'controller'])
    expect(back.stdout).toMatch(/^polling_time +0.5 +7 +live$/m)
  })

  it('reports its status, has no missing files, and deletes the stored settings', async () => {
    const status = await stage.run(['status', NAPP])
    expect(status).toMatchObject({
      exit: 0,
      stderr: '',
      stdout: expect.stringMatching(new RegExp(`^Store +${backend}$`, 'm')),
    })
    expect(status.stdout).toMatch(/^State +ready since /m)
    expect(await stage.run(['files', 'restore'])).toEqual({
      exit: 0,
      stdout: 'No readable file is missing.\n',
      stderr: '',
    })
    expect(await stage.run(['delete', NAPP])).toMatchObject({
      exit: 0,
      stdout: expect.stringMatching(/^polling_time +7 +3$/m),
    })
    expect(await stage.run(['delete', NAPP])).toMatchObject({ exit: 3, stdout: '' })
  })
})

describe('a command', () => {
  let stage: CliStage
  beforeAll(async () => {
    stage = await openCliStage('filesystem')
    await stage.start()
    const schema = {
      properties: {
        name: { type: 'string' },
        mode: { enum: ['fast', 'slow'] },
        either: { type: ['string', 'integer', 'null'] },
        on: { type: 'boolean' },
        size: { $ref: '#/$defs/size' },
        old: { type: 'integer', deprecated: true },
        'a.b': { type: 'string' },
        secret: { type: 'string', default: '\u001b[31mred' },
      },
      $defs: { size: { type: 'integer' } },
    }
    const answer = await fetch(`${stage.url}${API}/kytos/typed/schema`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(schema),
    })
    expect(answer.status).toBe(200)
  })
  afterAll(() => stage.close())

  it('accepts values by their schema, exactly', async () => {
    const typed = [
      'name=5',
      'mode=slow',
      'either=null',
      'on=true',
      'size=-9007199254740993',
      '/a.b={"x"}',
      'free={"x": [1.0, 1e3]}',
      'text=just words',
    ]
    const set = await stage.run(['set', 'kytos/typed', ...typed, 'old=1', '--json'])
    expect(set.exit, set.stderr).toBe(0)
    expect(set.stderr).toBe('kytos-settings: The schema marks old as deprecated.\n')
    expect(parseJson(set.stdout)).toMatchObject({
      overrides: {
        name: '5',
        mode: 'slow',
        either: null,
        on: true,
        size: -9007199254740993n,
        'a.b': '{"x"}',
        free: { x: [1, 1000] },
        text: 'just words',
      },
    })
    expect((await stage.run(['set', 'kytos/typed', 'either=7', '--json'])).stdout).toContain('"either": 7')
    expect((await stage.run(['set', 'kytos/typed', 'either=seven', '--json'])).stdout).toContain(
      '"either": "seven"',
    )
    expect((await stage.run(['set', 'kytos/typed', 'on=yes'])).exit).toBe(4)
    const shown = await stage.run(['get', 'kytos/typed'])
    expect(shown.stdout).toMatch(/^\/a\.b +"\{\\"x\\"\}" +set$/m)
    expect((await stage.run(['get', 'kytos/typed', '/a.b'])).stdout).toBe('{"x"}\n')
    expect((await stage.run(['set', 'kytos/typed', 'free.x.1=2', '--json'])).stdout).toMatch(
      /"x": \[\s+1,\s+2\s+\]/,
    )
  })

  it('loses no concurrent change of another client', async () => {
    const keys = ['a', 'b', 'c', 'd', 'e', 'f']
    const ran = await Promise.all(
      keys.map(key => runIn(stage.cwd, ['set', 'kytos/typed', `together.${key}=1`])),
    )
    expect(ran.map(({ exit }) => exit)).toEqual(keys.map(() => 0))
    const { stdout } = await runIn(stage.cwd, ['get', 'kytos/typed', 'together', '--json'])
    expect(Object.keys(parseJson(stdout) as object).sort()).toEqual(keys)
  })

  it('colours and truncates its output on a terminal, and not with NO_COLOR or elsewhere', async () => {
    const terminal = stage.terminal(['describe', NAPP], {}, undefined, 70)
    expect(await terminal.ended).toBe(0)
    expect(terminal.shown()).toContain(`${ESCAPE}1m`)
    const plain = terminal
      .shown()
      .replaceAll(/\x1b\[\d+m/g, '')
      .split('\r\n')
    expect(Math.max(...plain.slice(1).map(line => line.length))).toBe(70)
    expect(plain.join('\n')).toContain('liveness.dead_multiplier')
    expect(plain.join('\n')).toContain('…')
    const bare = stage.terminal(['get', NAPP], { NO_COLOR: '1' })
    expect(await bare.ended).toBe(0)
    expect(bare.shown()).not.toContain(ESCAPE)
    expect((await stage.run(['describe', NAPP])).stdout).not.toMatch(/…|\x1b/)
    for (const on of ['on=false', 'on=true'])
      expect((await stage.run(['set', 'kytos/typed', on])).exit).toBe(0)
    const red = stage.terminal(['diff', 'kytos/typed'])
    expect(await red.ended).toBe(0)
    expect(red.shown()).toMatch(/\x1b\[31m- +"on": false.*\x1b\[0m\r\n\x1b\[32m\+ +"on": true/)
    const evil = stage.terminal(['get', 'kytos/typed', 'secret'])
    expect(await evil.ended).toBe(0)
    expect(evil.shown()).toBe('"\\u001b[31mred"\r\n')
  })

  it('reports each problem in one sentence, with its exit code', async () => {
    const cases: readonly (readonly [args: readonly string[], exit: number, stderr: RegExp])[] = [
      [['get', NAPP, 'poling_time'], 3, /has no setting poling_time\. Did you mean polling_time\?/],
      [['get', 'kytos/link_discover'], 3, /Did you mean "kytos\/link_discovery"\?/],
      [['get', 'kytos'], 3, /No known NApp has the name "kytos"/],
      [['get', 'kytos/a/b'], 2, /"kytos\/a\/b" is not a namespace/],
      [['get', NAPP, 'a..b'], 2, /"a\.\.b" is not a valid KEY/],
      [['get', NAPP, '/a~2'], 2, /"\/a~2" is not a valid KEY/],
      [['set', NAPP, 'poling_time=5'], 4, /did you mean "polling_time"\?/],
      [['set', NAPP, 'polling_time=fast'], 4, /polling_time must be JSON of type number, not "fast"/],
      [['set', NAPP, 'polling_time=0'], 4, /must be at least 0\.1, not 0/],
      [['set', NAPP, 'ignored_vlans.0=5'], 4, /set ignored_vlans as a whole/],
      [['set', NAPP, 'polling_time'], 2, /polling_time=VALUE/],
      [['set', 'kytos/new_one', 'a=1'], 3, /"--new" accepts a NApp that is not known yet/],
      [['set', NAPP, 'polling_time=5', '--scope', 'everywhere'], 2, /is not a scope/],
      [['unset', NAPP, 'ignored_vlans'], 3, /has no override for ignored_vlans/],
      [['explain', NAPP, 'nothing'], 3, /has no setting nothing/],
      [['describe', 'kytos/nothing'], 3, /has no schema/],
      [['history', NAPP, '--limit', '0'], 2, /integer of at least 1/],
      [['diff', NAPP, '99'], 3, /no version 99/],
      [['completion', 'csh'], 2, /"csh": use bash, zsh, or fish/],
      [['watch', NAPP, '--since', 'yesterday'], 2, /Use a cursor/],
      [['get', NAPP, '--url', 'nonsense'], 2, /is not the address of a service/],
      [['get', NAPP, '--token-file', 'absent'], 2, /absent \(--token-file\) cannot be read/],
    ]
    // A process for each exit code is enough.
    const built = new Set(
      cases.flatMap(([, exit], i) => (cases.findIndex(one => one[1] === exit) === i ? [i] : [])),
    )
    const ran = await Promise.all(
      cases.map(([args], i) => (built.has(i) ? stage.run(args) : runIn(stage.cwd, args))),
    )
    for (const [i, [args, exit, stderr]] of cases.entries()) {
      expect(ran[i], args.join(' ')).toMatchObject({
        exit,
        stdout: '',
        stderr: expect.stringMatching(stderr),
      })
      if (!ran[i]?.stderr.startsWith('error:'))
        expect(ran[i]?.stderr, args.join(' ')).toMatch(/^kytos-settings: [^\n]+\n$/)
    }
  })

  it('has an example in its help, whichever it is', async () => {
    const help = (await stage.run(['--help'])).stdout
    const names = [...help.matchAll(/^ {2}(\w+) .*/gm)]
      .map(([, name = '']) => name)
      .filter(name => !['help', 'kytos'].includes(name))
    expect(names).toEqual(
      expect.arrayContaining([
        'status',
        'list',
        'get',
        'set',
        'unset',
        'delete',
        'files',
        'edit',
        'explain',
        'describe',
        'watch',
        'history',
        'diff',
        'completion',
      ]),
    )
    expect(help).not.toContain('__complete')
    const helps = await Promise.all(names.map(name => runIn(stage.cwd, [name, '--help'])))
    for (const [i, name] of names.entries())
      expect(helps[i]?.stdout, name).toMatch(new RegExp(`\\n {2}.*kytos-settings ${name}`))
  })
})

describe('where the service is', () => {
  let stage: CliStage
  let url: string
  const asked = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    stage.run(['get', NAPP, 'polling_time', ...args], env)
  beforeAll(async () => {
    stage = await openCliStage('filesystem', 'authentication = required')
    url = stage.url
  })
  afterAll(() => stage.close())

  it('no service: the store of this host is opened instead, for reading and writing, and other addresses are unreachable', async () => {
    const set = await stage.run(['set', 'kytos/early', 'a=1', '--new'])
    expect(set).toMatchObject({
      exit: 0,
      stderr: expect.stringMatching(/^kytos-settings: No service is running here.*\n$/),
    })
    const got = await stage.run(['get', 'kytos/early', 'a'])
    expect(got).toMatchObject({ exit: 0, stdout: '1\n' })
    const nowhere = `http://127.0.0.1:${await freePort()}`
    expect(await asked(['--url', nowhere])).toMatchObject({
      exit: 6,
      stderr: expect.stringContaining(`No service answers at ${nowhere}`),
    })
    expect(await asked([], { KYTOS_SETTINGS_URL: nowhere })).toMatchObject({ exit: 6, stdout: '' })
    expect(await stage.run(['watch'])).toMatchObject({
      exit: 6,
      stderr: expect.stringContaining(`No service answers at ${url}`),
    })
  })

  it('the service of this host authenticates its owner; a named one requires a token, from a file before one from the environment', async () => {
    await stage.start()
    expect((await stage.run(['get', 'kytos/early', 'a'])).stdout).toBe('1\n')
    const { stdout: token } = await stage.run(['token', 'create', 'reader'])
    await writeFile(join(stage.cwd, 'token'), token)
    await writeFile(join(stage.cwd, 'wrong'), `${token.trim().slice(0, -1)}x`)
    expect(await asked(['--url', url])).toMatchObject({
      exit: 1,
      stderr: expect.stringContaining('This request requires a token'),
    })
    expect((await asked(['--url', `${url}${API}/`, '--token-file', 'token'])).stdout).toBe('3\n')
    expect((await asked([], { KYTOS_SETTINGS_URL: url, KYTOS_SETTINGS_TOKEN: token.trim() })).stdout).toBe(
      '3\n',
    )
    expect((await asked(['--token-file', 'wrong'], { KYTOS_SETTINGS_TOKEN: token.trim() })).exit).toBe(1)
    expect(
      (
        await asked(['--url', url], {
          KYTOS_SETTINGS_URL: 'http://127.0.0.1:1',
          KYTOS_SETTINGS_TOKEN: token.trim(),
        })
      ).stdout,
    ).toBe('3\n')
    const refused = await stage.run(['set', NAPP, 'polling_time=5', '--token-file', 'token'])
    expect(refused).toMatchObject({
      exit: 1,
      stderr: expect.stringMatching(/reader lacks the permission "write".* Its permissions: read\./),
    })
  })
})
