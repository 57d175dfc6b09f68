import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { Etcd3 } from 'etcd3'
import { expect, it, onTestFinished } from 'vitest'
import { startEtcd } from '../support/etcd.ts'
import { type CliStage, openCliStage } from './cli-stage.ts'

/*
 * One secret for each way in; none of them is found in any way out. The stages run the built command line.
 */

const CANARY = 'canary'
const API = '/api/kytos/settings/v1'
const NAPP = `${API}/acme/vault`
const SECRET = { type: 'string', 'x-sensitive': true }
const SCHEMA = {
  type: 'object',
  properties: {
    name: { type: 'string', default: 'none' },
    rest: SECRET,
    patch: SECRET,
    bus: SECRET,
    cli: SECRET,
    edit: SECRET,
    short: { type: 'string', 'x-sensitive': true, minLength: 100 },
    peers: { type: 'array', items: { $ref: '#/$defs/peer' } },
  },
  $defs: { peer: { type: 'object', additionalProperties: { oneOf: [SECRET, { type: 'number' }] } } },
}
const WAIT = { timeout: 30_000, interval: 100 }
const ROUTES = [
  '/',
  '/?include=data,explain,rejected',
  '/acme/vault',
  '/acme/vault?explain=true',
  '/acme/vault/history',
]
const MORE_ROUTES = ['/acme/vault/schema', '/status', '/dead_letter']

/** Requests of a stage's service, and all that its event stream has sent. */
function clientOf(stage: CliStage) {
  let events = ''
  const stream = get(`${stage.url}${API}/events?since=0`, { agent: false }, response => {
    response.setEncoding('utf8').on('data', chunk => (events += chunk))
  })
  stream.on('error', () => {})
  onTestFinished(() => void stream.destroy())
  const send = async (
    method: string,
    path: string,
    body?: unknown,
    headers = {},
    type = 'application/json',
  ) => {
    const response = await fetch(`${stage.url}${path}`, {
      method,
      headers: { ...(body !== undefined && { 'content-type': type }), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return { status: response.status, text: await response.text() }
  }
  return { send, events: () => events }
}

/** Sets a secret in every way that all stores have; returns what the ways answered. */
async function setAll(stage: CliStage, send: ReturnType<typeof clientOf>['send']): Promise<string> {
  expect((await send('PUT', `${NAPP}/schema`, SCHEMA)).status).toBe(200)
  await writeFile(join(stage.cwd, 'given'), `${CANARY}-cli\n`)
  const answers = [
    await send('PATCH', NAPP, {
      rest: `${CANARY}-rest`,
      peers: [{ a: `${CANARY}-a`, n: 1 }, { b: `${CANARY}-b` }],
    }),
    await send(
      'PATCH',
      NAPP,
      [{ op: 'add', path: '/patch', value: `${CANARY}-patch` }],
      {},
      'application/json-patch+json',
    ),
    await send('POST', `${API}/transaction`, {
      operations: [{ namespace: 'acme/vault', data: { bus: `${CANARY}-bus` } }],
    }),
    await send('PATCH', `${NAPP}?dry_run=true`, { rest: `${CANARY}-dry` }),
  ]
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
  const refused = [
    await send('PATCH', NAPP, { short: `${CANARY}-short` }),
    await send(
      'PATCH',
      NAPP,
      [{ op: 'copy', from: '/rest', path: '/name' }],
      {},
      'application/json-patch+json',
    ),
    await send(
      'PATCH',
      NAPP,
      [{ op: 'test', path: '/rest', value: `${CANARY}-rest` }],
      {},
      'application/json-patch+json',
    ),
  ]
  expect(refused.map(({ status, text }) => [status, JSON.parse(text).code])).toEqual([
    [422, 'SETTINGS_INVALID'],
    [422, 'SECRET_MISPLACED'],
    [403, 'PERMISSION_DENIED'],
  ])
  const set = await stage.run(['set', 'acme/vault', 'cli=@given'])
  expect(set).toMatchObject({ exit: 0 })
  const typed = await stage.run(['set', 'acme/vault', 'cli=typed'])
  expect(typed.exit).toBe(2)
  expect(typed.stderr).toContain('cli=@FILE')
  return JSON.stringify([answers, refused, set, typed])
}

/** All that a stage shows of its settings. */
async function readAll(stage: CliStage, { send, events }: ReturnType<typeof clientOf>): Promise<string> {
  const routes = await Promise.all([...ROUTES, ...MORE_ROUTES].map(route => send('GET', API + route)))
  const metrics = await send('GET', '/metrics')
  const commands = [
    ['get', 'acme/vault'],
    ['get', 'acme/vault', 'rest'],
    ['explain', 'acme/vault'],
    ['history', 'acme/vault'],
    ['diff', 'acme/vault'],
    ['list'],
    ['status'],
    ['export'],
    ['doctor'],
  ]
  const shown: string[] = []
  for (const args of commands) {
    const { stdout, stderr } = await stage.run(args)
    shown.push(`${args.join(' ')}: ${stdout}${stderr}`)
  }
  expect(routes.map(({ status }) => status)).toEqual(routes.map(() => 200))
  return [...routes.map(({ text }) => text), metrics.text, events(), ...shown].join('\n')
}

/** A token with `secrets` reads all of them. */
async function readSecrets(stage: CliStage, send: ReturnType<typeof clientOf>['send']) {
  const { stdout } = await stage.run(['token', 'create', 'auditor', '--rights', 'read,secrets'])
  const { text } = await send('GET', NAPP, undefined, { authorization: `Bearer ${stdout.trim()}` })
  return JSON.parse(text).data
}

/** The files below a folder that have the canary; the file that the user made is left out. */
async function filesWith(folder: string): Promise<readonly string[]> {
  const found: string[] = []
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name)
    if (!entry.isFile() || entry.name === 'given') continue
    const bytes = await readFile(file)
    const text = entry.name.endsWith('.archive') ? gunzipSync(bytes) : bytes
    if (text.includes(CANARY)) found.push(file)
  }
  return found
}

const ALL = {
  rest: `${CANARY}-rest`,
  patch: `${CANARY}-patch`,
  bus: `${CANARY}-bus`,
  cli: `${CANARY}-cli`,
  peers: [{ a: `${CANARY}-a`, n: 1 }, { b: `${CANARY}-b` }],
}

it('no way out of a store of files shows a secret, and the exported settings can be imported again', async () => {
  const stage = await openCliStage('filesystem')
  onTestFinished(() => stage.close())
  await stage.start()
  const client = clientOf(stage)
  const answers = await setAll(stage, client.send)
  const file = join(stage.cwd, 'store/settings/acme/vault.json')
  await expect.poll(() => readFile(file, 'utf8').catch(() => ''), WAIT).toContain('"cli"')
  const text = JSON.parse(await readFile(file, 'utf8'))
  await writeFile(file, JSON.stringify({ ...text, edit: `${CANARY}-edit` }, undefined, 2))
  await expect.poll(() => readFile(file, 'utf8'), WAIT).not.toContain(CANARY)
  await expect
    .poll(() => readSecrets(stage, client.send), WAIT)
    .toMatchObject({ ...ALL, edit: `${CANARY}-edit` })
  expect(`${answers}${await readAll(stage, client)}`).not.toContain(CANARY)
  expect(await stage.run(['backup', 'copy.archive'])).toMatchObject({ exit: 0 })
  const exported = await stage.run(['export'])
  await writeFile(join(stage.cwd, 'exported.json'), exported.stdout)
  const again = await stage.run(['import', 'exported.json'])
  expect(again).toMatchObject({ exit: 0 })
  await stage.stop()
  await expect.poll(() => filesWith(stage.cwd), WAIT).toEqual([])
  await stage.start()
  expect(await readSecrets(stage, clientOf(stage).send)).toMatchObject({ ...ALL, edit: `${CANARY}-edit` })
}, 120_000)

it('no revision of etcd shows a secret once it is sealed', async () => {
  const server = await startEtcd()
  onTestFinished(() => server.stop())
  const stage = await openCliStage('etcd', '', { endpoints: server.endpoints })
  onTestFinished(() => stage.close())
  await stage.start()
  const client = clientOf(stage)
  const answers = await setAll(stage, client.send)
  const etcd = new Etcd3({ hosts: [...server.endpoints] })
  onTestFinished(() => etcd.close())
  await writeFile(join(stage.cwd, 'kytos.conf'), `[daemon]\nport = 6633\njwt_secret = ${CANARY}-conf\n`)
  expect(await stage.run(['import', 'kytos.conf'])).toMatchObject({ exit: 0 })
  await rm(join(stage.cwd, 'kytos.conf'))
  const revisionNow = async () => Number((await etcd.getAll().prefix('/').exec()).header.revision)
  /** The first and the last revision with a canary, of the revisions from one on. */
  const revisionsWith = async (from: number) => {
    const found: number[] = []
    for (let revision = from; revision <= (await revisionNow()); revision++) {
      const all = await etcd.getAll().prefix('').revision(revision).strings()
      if (Object.entries(all).some(entry => entry.join().includes(CANARY))) found.push(revision)
    }
    return [found.at(0), found.at(-1)]
  }
  expect(await revisionsWith(1)).toEqual([undefined, undefined])
  const key = '/kytos/settings/acme/vault'
  const text = JSON.parse((await etcd.get(key).string()) ?? '')
  const edit = await etcd.put(key).value(JSON.stringify({ ...text, edit: `${CANARY}-edit` }))
  const edited = Number(edit.header.revision)
  await expect.poll(() => etcd.get(key).string(), WAIT).not.toContain(CANARY)
  expect(await readSecrets(stage, client.send)).toMatchObject({ ...ALL, edit: `${CANARY}-edit` })
  expect(`${answers}${await readAll(stage, client)}`).not.toContain(CANARY)
  const sealed = Number((await etcd.get(key).exec()).kvs[0]?.mod_revision)
  for (const args of [
    ['set', 'acme/vault', 'name=later'],
    ['reseal'],
    ['rollback', 'acme/vault', '1', '--yes'],
    ['delete', 'acme/vault'],
  ])
    expect(await stage.run(args), args.join(' ')).toMatchObject({ exit: 0 })
  expect(await stage.run(['backup', 'copy.archive'])).toMatchObject({ exit: 0 })
  // What was typed is there until the sealing commit, and nowhere from it on.
  expect(await revisionsWith(edited)).toEqual([edited, sealed - 1])
  await stage.stop()
  expect(await filesWith(stage.cwd)).toEqual([])
  const ini = await readFile(join(stage.cwd, 'kytos.ini'), 'utf8')
  await writeFile(join(stage.cwd, 'kytos.ini'), ini.replace('backend = etcd', 'backend = filesystem'))
  expect(await stage.run(['restore', 'copy.archive'])).toMatchObject({ exit: 0 })
  expect(await filesWith(stage.cwd)).toEqual([])
}, 120_000)
