import { createHmac } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { Command } from 'commander'
import { expect, it } from 'vitest'
import { escapeControls } from '../../model/control-characters.ts'
import { loadCommands } from '../../src/cli/commands.ts'
import { run } from '../../src/cli/program.ts'
import type { CliContext } from '../../src/cli/terminal/cli-context.ts'
import { commandLine } from '../unit/cli/cli-world.ts'
import { installed } from '../unit/host/napps-tree.ts'

/*
 * Every command over a store full of hostile names, values and comments. A command that is added later makes
 * this test red until it has a line in LINES.
 */

/** Ends a title, clears the screen, blinks, reverses the text, and forges a line. */
const EVIL = '\x1b]0;t\x07\x1b[2J\x1b[5m\x9b5m\u202e\u2066\x7f\r\nFORGED'
/** The same in an argument; its lines are the caller's own, so it forges none. */
const ARGUMENT = EVIL.replace('\r\nFORGED', 'z')
/** The same without the characters that a JSON Web Token or a header refuses. */
const BIDI = 'eve\u202e\u2066'
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/
/** The sequences of a terminal that this program uses. */
const OWN = /\x1b\[(?:0|1|2|31|32|33|36)m|\x1b\[K|\r(?!\n)/g
const SECRET = 's'.repeat(40)
const NAPP = 'evil/napp'

const LINES: Readonly<Record<string, readonly (readonly string[])[]>> = {
  start: [['start', '--import', `${ARGUMENT}.json`]],
  'napps list': [['napps', 'list']],
  'napps install': [['napps', 'install', ARGUMENT]],
  'napps enable': [['napps', 'enable', ARGUMENT]],
  'napps disable': [['napps', 'disable', ARGUMENT]],
  'napps uninstall': [['napps', 'uninstall', ARGUMENT]],
  'napps create': [['napps', 'create', ARGUMENT]],
  'bridge install': [['bridge', 'install', ARGUMENT]],
  'bridge uninstall': [['bridge', 'uninstall', ARGUMENT]],
  'bridge status': [['bridge', 'status', ARGUMENT]],
  'schema remove': [
    ['schema', 'remove', NAPP],
    ['schema', 'remove', ARGUMENT],
  ],
  status: [['status'], ['status', ARGUMENT]],
  controllers: [['controllers']],
  'controllers rename': [
    ['controllers', 'rename', ARGUMENT, 'c2'],
    ['controllers', 'rename', 'c2', ARGUMENT, '--comment', BIDI],
  ],
  list: [['list'], ['list', ARGUMENT]],
  get: [
    ['get', NAPP],
    ['get', NAPP, `/${EVIL}`],
    ['get', NAPP, `/${EVIL}x`],
    ['get', ARGUMENT],
    ['get', '--at', '0s'],
    ['get', NAPP, '--at', '0s'],
    ['get', '--at', ARGUMENT],
    ['get', NAPP, '--scope', `controller:${ARGUMENT}`],
  ],
  set: [
    ['set', NAPP, `/${EVIL}/x=1`],
    ['set', NAPP, `/${EVIL}=${EVIL}2`, '--comment', BIDI],
    ['set', NAPP, `/${EVIL}=${EVIL}3`, '--dry-run'],
  ],
  unset: [['unset', NAPP, `/${EVIL}3`]],
  delete: [['delete', ARGUMENT]],
  'files restore': [
    ['files', 'restore'],
    ['files', 'restore', ARGUMENT],
  ],
  edit: [['edit', NAPP]],
  explain: [
    ['explain', NAPP],
    ['explain', NAPP, `/${EVIL}x`],
  ],
  describe: [
    ['describe', NAPP],
    ['describe', ARGUMENT],
  ],
  watch: [
    ['watch', ARGUMENT],
    ['watch', '--since', ARGUMENT],
  ],
  history: [
    ['history', NAPP],
    ['history', ARGUMENT],
  ],
  diff: [
    ['diff', NAPP],
    ['diff', NAPP, ARGUMENT, ARGUMENT],
    ['diff', NAPP, '0', '--against', `controller:${ARGUMENT}`],
    ['diff', NAPP, '--effective'],
    ['diff', '--at', '1s'],
  ],
  audit: [['audit'], ['audit', '--since', ARGUMENT]],
  rollback: [
    ['rollback', NAPP, '1', '--dry-run'],
    ['rollback', NAPP, '0', '--keys', `/${EVIL}9`, '--comment', BIDI],
    ['rollback', NAPP, '1', '--keys', `/${EVIL}x`],
    ['rollback', '--write-id', ARGUMENT],
    ['rollback', '--at', ARGUMENT],
    ['rollback', '--at', '1s', '--yes'],
    ['rollback', ARGUMENT, '1'],
  ],
  confirm: [
    ['confirm', NAPP, '--comment', BIDI],
    ['confirm', ARGUMENT],
  ],
  cancel: [
    ['cancel', NAPP],
    ['cancel', ARGUMENT],
  ],
  reseal: [['reseal'], ['reseal', ARGUMENT]],
  'key create': [['key', 'create']],
  'key list': [['key', 'list']],
  'key rotate': [['key', 'rotate']],
  'key export': [['key', 'export', `${ARGUMENT}.keys`]],
  'key open': [
    ['key', 'open', ARGUMENT],
    ['key', 'open', 'evil.json'],
  ],
  'token create': [['token', 'create', ARGUMENT]],
  'token list': [['token', 'list']],
  'token revoke': [['token', 'revoke', ARGUMENT]],
  import: [
    ['import', 'evil.json', '--dry-run'],
    ['import', 'settings.py', '--namespace', 'evil/two'],
    ['import', ARGUMENT],
  ],
  export: [['export'], ['export', '--format', 'kytos.conf', NAPP], ['export', '--dir', 'evil.d']],
  apply: [
    ['apply', 'evil.d', '--dry-run'],
    ['apply', ARGUMENT],
  ],
  promote: [
    ['promote', NAPP, '--from', ARGUMENT],
    ['promote', ARGUMENT, '--from', 'c2'],
  ],
  'napps reload': [['napps', 'reload', ARGUMENT]],
  backup: [['backup', `${ARGUMENT}.archive`]],
  restore: [
    ['restore', 'evil.json'],
    ['restore', ARGUMENT],
  ],
  copy: [['copy', '--from', ARGUMENT, '--to', 'kytos.ini']],
  doctor: [['doctor'], ['doctor', '-c', ARGUMENT]],
  completion: [
    ['completion', 'bash'],
    ['completion', ARGUMENT],
  ],
  __complete: [
    ['__complete', '--', 'get', NAPP, ''],
    ['__complete', '--', 'set', NAPP, ''],
  ],
  help: [['help', ARGUMENT]],
}

const WITHOUT_JSON = [
  'backup',
  'restore',
  'import',
  'edit',
  'completion',
  '__complete',
  'help',
  'copy',
  'napps',
]

/** The paths of all commands below a command. */
function pathsOf(command: Command, above: readonly string[] = []): readonly string[] {
  return command.commands.flatMap(one => {
    const path = [...above, one.name()]
    return one.commands.length > 0 ? pathsOf(one, path) : [path.join(' ')]
  })
}

/** A login token of Kytos for a user of this name. */
function login(username: string): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const exp = Math.floor(Date.now() / 1_000) + 3_600
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ username, iss: 'Kytos NApps Server', exp })}`
  return `${text}.${createHmac('sha256', SECRET).update(text).digest('base64url')}`
}

it('no command writes a control character of a name, a value, a comment or an argument', async () => {
  const { cwd, root } = await commandLine(['kytos/settings'])
  const ini = await readFile(join(cwd, 'kytos.ini'), 'utf8')
  await writeFile(
    join(cwd, 'kytos.ini'),
    ini
      .replace('[daemon]\n', `[daemon]\njwt_secret = ${SECRET}\n`)
      .replace('[settings]\n', '[settings]\nport = 0\nlog = text\ncontroller = c1\n'),
  )
  await writeFile(join(cwd, `${ARGUMENT}.json`), JSON.stringify({ [NAPP]: { [EVIL]: EVIL, plain: 1 } }))
  await writeFile(join(cwd, 'evil.json'), JSON.stringify({ 'evil/three': { [EVIL]: EVIL } }))
  await writeFile(join(cwd, 'settings.py'), `A = "${BIDI}\\x1b[2J"\nB = f(${JSON.stringify(BIDI)})\n`)
  await installed(root, 'evil/shown', 'export default () => ({ async setup() {} })\n', { description: EVIL })

  const context = (isTTY: boolean, stop: AbortController, ready: (url: string) => void = () => {}) => {
    const written = { out: [] as string[], err: [] as string[] }
    const base = {
      cwd,
      env: { EDITOR: 'true' },
      stdin: Readable.from([]),
      interruption: () => stop.signal,
      ready,
    }
    const world: CliContext = {
      ...base,
      stdout: { isTTY, columns: 100, write: (text: string) => written.out.push(text) },
      stderr: { isTTY, columns: 100, write: (text: string) => written.err.push(text) },
    }
    return { world, written }
  }
  const service = new AbortController()
  const started = deferred<string>()
  const running = context(true, service, started.resolve)
  const ended = run(LINES.start?.[0] ?? [], running.world)
  void ended.then(exit => started.resolve(`ended with ${exit}: ${running.written.err.join('')}`))
  expect(await started.promise).toMatch(/^http/)
  const { url } = JSON.parse(await readFile(join(cwd, 'state/c1/service.json'), 'utf8'))
  const send = async (method: string, path: string, body: unknown, headers = {}) => {
    const answer = await fetch(`${url}/api/kytos/${path}`, {
      method,
      headers: { authorization: `Bearer ${login(BIDI)}`, 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
    expect(await answer.text().then(text => `${answer.status} ${text}`)).toMatch(/^20/)
  }
  const stopWatch = new AbortController()
  const watches = [['watch'], ['watch', '--json']].flatMap(line =>
    [false, true].map(isTTY => {
      const { world, written } = context(isTTY, stopWatch)
      return { line, isTTY, written, ended: run(line, world) }
    }),
  )
  for (const { written } of watches)
    await expect.poll(() => written.err.join(''), { timeout: 20_000 }).toContain('Watching')
  await send('PUT', `settings/v1/${NAPP}/schema`, {
    properties: {
      plain: { type: 'integer', description: EVIL },
      [`${EVIL}s`]: { enum: [EVIL], default: EVIL },
    },
  })
  await send(
    'PATCH',
    `settings/v1/${NAPP}`,
    { [`${EVIL}9`]: [EVIL] },
    { 'x-comment': `${encodeURIComponent(EVIL)}` },
  )
  await send('POST', 'storehouse/v1/net', {
    [EVIL]: EVIL,
  })

  const program = new Command()
  for (const add of await loadCommands([])) add(program, running.world, () => {})
  expect(pathsOf(program).filter(path => !LINES[path])).toEqual([])

  const found: string[] = []
  const check = (line: readonly string[], text: string, isTTY: boolean): void => {
    const rest = isTTY ? text.replaceAll(OWN, '') : text
    if (CONTROLS.test(rest) || /^FORGED/m.test(rest))
      found.push(`${escapeControls(line.join(' '))}: ${escapeControls(rest)}`)
  }
  for (const isTTY of [false, true]) {
    for (const line of Object.values(LINES).flat()) {
      if (line[0] === 'start') continue
      const isJson = !WITHOUT_JSON.includes(line[0] ?? '')
      const variants = [
        line,
        ...(isJson ? [[...line, '--json']] : []),
        ...(line[0] === 'get' ? [[...line, '--debug']] : []),
      ]
      for (const variant of isTTY ? (isJson ? [line] : []) : variants) {
        const stop = new AbortController()
        const { world, written } = context(isTTY, stop)
        await run(variant, world)
        check(variant, written.out.join(''), isTTY)
        check(variant, written.err.join(''), isTTY)
      }
    }
  }
  for (const { line, isTTY, written, ended } of watches) {
    await expect.poll(() => written.out.join(''), { timeout: 20_000 }).toContain('evil/two')
    stopWatch.abort()
    expect(await ended).toBe(0)
    check(line, written.out.join(''), isTTY)
    check(line, written.err.join(''), isTTY)
  }
  service.abort()
  await ended
  check(['start'], running.written.err.join(''), true)
  expect(running.written.err.join('')).toContain('Imported the settings')
  expect(found).toEqual([])
}, 120_000)

function deferred<T>() {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>(done => {
    resolve = done
  })
  return { promise, resolve }
}
