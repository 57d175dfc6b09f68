import { mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { openBusSocket } from '../support/bus-socket.ts'
import { type CliStage, openCliStage } from './cli-stage.ts'

/*
 * The ways in and the places in which a secret could be found, and the test that looks there. `doors` is
 * secrets-doors.test.ts, `secrets` is secrets.test.ts, `asked` is secrets-asked.test.ts, `places` is this file.
 * Each test looks in all the places that its line names, after all of its ways in.
 *
 * | way in | store of files | etcd |
 * |---|---|---|
 * | REST: merge patch, JSON Patch, `copy`, transaction, dry run, refused values | secrets, places | secrets |
 * | bus of another process; a value that is refused | doors, places | as the store of files |
 * | command line: `@FILE`, standard input, the terminal, the editor, a confirmed commit | secrets, doors, asked | secrets |
 * | a word of a command | secrets, asked: refused | secrets: refused |
 * | hand edit of a file; a process that dies meanwhile | secrets; unit/secrets/typed-secret-crash | - |
 * | etcdctl | - | secrets |
 * | import of settings.py and kytos.conf | doors | secrets |
 * | import of a pickle: boxes, which have no schema and no secrets | docs/security.md | docs/security.md |
 * | restore into another store | doors | secrets: into a store of files |
 *
 * | place | test |
 * |---|---|
 * | files of the store, journal from its first byte, last-known-good snapshot, backups, temporary files | secrets, doors |
 * | all keys of etcd at each revision from the sealing commit on | secrets |
 * | export, history, diff, explain, audit, as_of, rollback, status, controllers | secrets, doors |
 * | REST routes, error texts, SSE; WebSocket | secrets, places; doors |
 * | metrics | secrets, places |
 * | log; there is one level of it, and `--debug` of commands | doors, places |
 * | dead letters, events of commands and facts for another NApp, its log and its errors | places |
 * | `cmdline` and `environ` of the service, its children and an editor | places, doors |
 */

const CANARY = 'canary'
const API = '/api/kytos/settings/v1'
const NAPP = `${API}/acme/vault`
const SECRET = { type: 'string', 'x-sensitive': true }
const SCHEMA = {
  type: 'object',
  properties: {
    name: { type: 'string', default: 'none' },
    password: SECRET,
    pin: { type: 'integer', 'x-sensitive': true },
    choice: { enum: ['listed', 'other'], 'x-sensitive': true },
    peers: { type: 'array', items: { type: 'object', properties: { key: SECRET } } },
    nested: { type: 'object', 'x-sensitive': true },
  },
}
const WAIT = { timeout: 30_000, interval: 100 }

/** A NApp that listens to everything, logs it, keeps it in a file, and fails on it. */
const SPY = `import { appendFileSync } from 'node:fs'
export default ({ bus, log }) => ({
  setup() {
    bus.on(/.*/, event => {
      const text = JSON.stringify(event, (_, value) => (typeof value === 'bigint' ? String(value) : value))
      log.info(text)
      appendFileSync('spied', text + '\\n')
      throw new Error(text)
    })
  },
})
`

/** The command lines and environments of all processes that work in a folder. */
async function processesIn(folder: string): Promise<readonly string[]> {
  const found: string[] = []
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid) || (await readlink(`/proc/${pid}/cwd`).catch(() => '')) !== folder) continue
    for (const part of ['cmdline', 'environ'])
      found.push(await readFile(`/proc/${pid}/${part}`, 'utf8').catch(() => ''))
  }
  return found
}

async function change(stage: CliStage, path: string, body: unknown, type = 'application/json') {
  const response = await fetch(`${stage.url}${path}`, {
    method: path.endsWith('schema') ? 'PUT' : path.endsWith('transaction') ? 'POST' : 'PATCH',
    headers: { 'content-type': type },
    body: JSON.stringify(body),
  })
  return { status: response.status, text: await response.text() }
}

it('no listener, dead letter, log, error, metric or process shows a secret', async () => {
  const stage = await openCliStage('filesystem')
  onTestFinished(() => stage.close())
  await mkdir(join(stage.cwd, 'acme/spy'), { recursive: true })
  const manifest = { username: 'acme', name: 'spy', version: '0.1.0', main: 'main.mjs' }
  await writeFile(join(stage.cwd, 'acme/spy/napp.json'), JSON.stringify(manifest))
  await writeFile(join(stage.cwd, 'acme/spy/main.mjs'), SPY)
  const installed = await stage.run(['napps', 'install', 'acme/spy'])
  expect(installed.exit, installed.stderr).toBe(0)
  await stage.start()
  expect((await change(stage, `${NAPP}/schema`, SCHEMA)).status).toBe(200)

  const patch = 'application/json-patch+json'
  const answers = [
    await change(stage, NAPP, { password: CANARY, peers: [{ key: `${CANARY}-1` }], choice: 'listed' }),
    await change(stage, NAPP, [{ op: 'copy', from: '/peers/0', path: '/peers/-' }], patch),
    await change(stage, NAPP, [{ op: 'move', from: '/peers/1', path: '/peers/0' }], patch),
    await change(stage, NAPP, { nested: { any: [CANARY] } }),
    await change(stage, `${API}/transaction`, {
      operations: [{ namespace: 'acme/vault', data: { password: `${CANARY}-2` } }],
    }),
    await change(stage, `${NAPP}?dry_run=true`, { password: `${CANARY}-3` }),
  ]
  expect(answers.map(({ status, text }) => (status === 200 ? 200 : text))).toEqual(answers.map(() => 200))
  const refused = [
    await change(stage, NAPP, { password: { deep: [CANARY] } }),
    await change(stage, NAPP, { pin: CANARY }),
    await change(stage, NAPP, { choice: `${CANARY}-none` }),
    await change(stage, NAPP, { nested: CANARY, unknown: 1 }),
    await change(stage, NAPP, [{ op: 'copy', from: '/password', path: '/name' }], patch),
    await change(stage, NAPP, [{ op: 'copy', from: '/nested', path: '/name' }], patch),
    await change(stage, NAPP, [{ op: 'add', path: '/nested/any/0', value: CANARY }], patch),
    await change(stage, NAPP, [{ op: 'add', path: '/pin', value: CANARY }], patch),
    await change(stage, NAPP, [{ op: 'test', path: '/nested/any/0', value: CANARY }], patch),
    await change(stage, `${API}/transaction`, {
      operations: [{ namespace: 'acme/vault', method: 'PUT', data: { pin: [CANARY] } }],
    }),
    await change(stage, `${NAPP}?dry_run=true`, { pin: CANARY }),
  ]
  expect(refused.map(({ status }) => status >= 400)).toEqual(refused.map(() => true))
  const socket = await openBusSocket(Number(new URL(stage.url).port))
  const failed = await socket
    .ask('kytos.settings.update', { namespace: 'acme/vault', data: { pin: CANARY } })
    .catch(error => error)
  await writeFile(join(stage.cwd, 'given'), CANARY)
  const commands = await Promise.all([
    stage.run(['set', 'acme/vault', 'pin=@given', '--debug']),
    stage.run(['set', 'acme/vault', 'choice=@given', '--debug']),
    stage.run(['set', 'acme/vault', 'password=@given', '--if-revision', '1', '--debug']),
    stage.run(['set', 'acme/vault', 'password=@given', '--url', 'http://127.0.0.1:1', '--debug']),
  ])
  expect(commands.map(({ exit }) => exit !== 0)).toEqual(commands.map(() => true))

  const spied = () => readFile(join(stage.cwd, 'spied'), 'utf8').catch(() => '')
  await expect.poll(spied, WAIT).toContain('settings.changed')
  expect(await spied()).toContain('kytos.settings.update')
  const letters = await fetch(`${stage.url}${API}/dead_letter`)
  const letter = await letters.text()
  expect(letter).toContain('acme/spy')
  const again = await change(stage, `${API}/dead_letter`, { event_name: 'settings.changed' })
  expect(again.status, again.text).toBe(200)
  const metrics = await (await fetch(`${stage.url}/metrics`)).text()
  expect(metrics).toMatch(/secrets\{state="current"\} [1-9]/)
  const processes = await processesIn(stage.cwd)
  expect(processes.join()).toContain('main.js')
  expect(stage.log()).toContain('acme/spy')
  const shown = {
    answers: JSON.stringify([answers, refused]),
    failed: JSON.stringify(failed),
    commands: JSON.stringify(commands),
    spied: await spied(),
    letter: letter + again.text,
    metrics,
    processes: processes.join('\n'),
    log: stage.log(),
  }
  const found = Object.entries(shown).flatMap(([place, text]) =>
    [...text.matchAll(/.{0,200}canary.{0,20}/g)].slice(0, 2).map(([excerpt]) => `${place}: ${excerpt}`),
  )
  expect(found).toEqual([])
}, 120_000)
