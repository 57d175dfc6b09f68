import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { expect, it, onTestFinished } from 'vitest'
import { openBusSocket, type ServerFrame } from '../support/bus-socket.ts'
import { type CliStage, openCliStage } from './cli-stage.ts'

/*
 * Secrets through the ways that secrets.test.ts does not take: the bus of another process, imports, an editor,
 * a confirmed commit, and a restore into another store. None is found in any file, output, event, log or
 * environment.
 */

const CANARY = 'canary'
const API = '/api/kytos/settings/v1'
const NAPP = 'acme/vault'
const SECRET = { type: 'string', 'x-sensitive': true }
const SCHEMA = {
  type: 'object',
  properties: {
    name: { type: 'string', default: 'none' },
    ...Object.fromEntries(['bus', 'pending', 'edited', 'DB_PASSWORD'].map(key => [key, SECRET])),
  },
}
const WAIT = { timeout: 30_000, interval: 100 }
const ALL = {
  bus: `${CANARY}-bus`,
  pending: `${CANARY}-pending`,
  edited: `${CANARY}-edited`,
  DB_PASSWORD: `${CANARY}-python`,
}
const COMMANDS = [
  ['audit'],
  ['get', NAPP, '--at', '0s'],
  ['diff', NAPP, '--at', '1h'],
  ['diff', NAPP, '0'],
  ['history', NAPP, '--json'],
  ['explain', NAPP],
  ['export'],
  ['status'],
  ['controllers'],
  ['rollback', NAPP, '1', '--dry-run'],
]
const ROUTES = [
  '/audit',
  `/${NAPP}/as_of?at=${encodeURIComponent('2100-01-01T00:00:00Z')}`,
  `/${NAPP}/history`,
  `/${NAPP}?explain=true`,
  '/?include=data',
  '/dead_letter',
  '/controllers',
]

/** The files below a folder that have a canary. */
async function filesWith(folder: string): Promise<readonly string[]> {
  const found: string[] = []
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name)
    if (!entry.isFile()) continue
    const bytes = await readFile(file)
    if ((entry.name.endsWith('.archive') ? gunzipSync(bytes) : bytes).includes(CANARY)) found.push(file)
  }
  return found
}

async function readSecrets(stage: CliStage): Promise<unknown> {
  const { stdout } = await stage.run(['token', 'create', 'auditor', '--rights', 'read,secrets'])
  const response = await fetch(`${stage.url}${API}/${NAPP}`, {
    headers: { authorization: `Bearer ${stdout.trim()}` },
  })
  return JSON.parse(await response.text()).data
}

it('no way in leaves a secret in a file, output, event, log or environment', async () => {
  const stage = await openCliStage('filesystem')
  onTestFinished(() => stage.close())
  await stage.start()
  const put = await fetch(`${stage.url}${API}/${NAPP}/schema`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(SCHEMA),
  })
  expect(put.status).toBe(200)
  const socket = await openBusSocket(Number(new URL(stage.url).port))
  const frames: ServerFrame[] = []
  socket.socket.on('message', data => frames.push(JSON.parse(String(data))))
  socket.send({ subscribe: ['settings.changed', 'settings.pending', 'settings.rejected'] })
  await socket.ask('kytos.settings.update', { namespace: NAPP, data: { bus: ALL.bus } })
  await socket.ask('kytos.settings.update', { namespace: NAPP, data: { bus: [ALL.bus], name: [ALL.bus] } })

  await mkdir(join(stage.cwd, 'old', NAPP), { recursive: true })
  const python = join(stage.cwd, 'old', NAPP, 'settings.py')
  await writeFile(python, `DB_PASSWORD = "${ALL.DB_PASSWORD}"\n`)
  await writeFile(join(stage.cwd, 'kytos.conf'), `[daemon]\nport = 6633\njwt_secret = ${CANARY}-conf\n`)
  const imported = await stage.run(['import', python, 'kytos.conf'])
  expect(imported.exit, imported.stderr).toBe(0)

  // The editor notes what a program that the command line starts can see.
  const editor = await stage.editor(
    `for process in $$ $PPID; do tr '\\0' ' ' < /proc/$process/environ; tr '\\0' ' ' < /proc/$process/cmdline; done > seen
     cp "$1" page
     sed -i 's/"bus": {/"edited": "${ALL.edited}",\\n  "bus": {/' "$1"`,
  )
  const terminal = stage.terminal(['edit', NAPP], { EDITOR: editor })
  expect(await terminal.ended, terminal.shown()).toBe(0)

  const held = await stage.run(['set', NAPP, 'pending=@given', '--confirm-within', '1h'])
  expect(held.exit).not.toBe(0) // There is no such file yet.
  await writeFile(join(stage.cwd, 'given'), ALL.pending)
  const pending = await stage.run(['set', NAPP, 'pending=@given', '--confirm-within', '1h', '--json'])
  expect(pending.exit, pending.stderr).toBe(0)

  const shown = await Promise.all(
    ROUTES.map(async route => {
      const response = await fetch(`${stage.url}${API}${route}`)
      expect(response.status, route).toBe(200)
      return `${route}: ${await response.text()}`
    }),
  )
  for (const args of COMMANDS) {
    const { stdout, stderr } = await stage.run(args)
    shown.push(`${args.join(' ')}: ${stdout}${stderr}`)
  }
  await expect.poll(() => JSON.stringify(frames), WAIT).toContain('settings.pending')
  shown.push(
    terminal.shown(),
    JSON.stringify([imported, held, pending]),
    ...frames.map(one => JSON.stringify(one)),
    stage.log(),
  )
  expect(shown.filter(text => text.includes(CANARY))).toEqual([])

  expect(await stage.run(['backup', 'copy.archive'])).toMatchObject({ exit: 0 })
  expect(await readSecrets(stage)).toMatchObject(ALL)
  await stage.stop()
  // The files that a person made.
  for (const own of ['old', 'kytos.conf', 'given', 'editor-1'])
    await rm(join(stage.cwd, own), { recursive: true })
  expect(await filesWith(stage.cwd)).toEqual([])
  expect(await readFile(join(stage.cwd, 'page'), 'utf8')).toContain('$sealed')

  const other = await openCliStage('filesystem')
  onTestFinished(() => other.close())
  await copyFile(join(stage.cwd, 'copy.archive'), join(other.cwd, 'copy.archive'))
  await copyFile(join(stage.cwd, 'settings-keys.json'), join(other.cwd, 'settings-keys.json'))
  expect(await other.run(['restore', 'copy.archive'])).toMatchObject({ exit: 0 })
  await other.start()
  expect(await readSecrets(other)).toMatchObject({ bus: ALL.bus, DB_PASSWORD: ALL.DB_PASSWORD })
  await other.stop()
  expect(other.log()).not.toContain(CANARY)
  expect(await filesWith(other.cwd)).toEqual([])
}, 120_000)
