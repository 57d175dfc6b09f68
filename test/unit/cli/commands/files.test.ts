import { describe, expect, it } from 'vitest'
import { parseJson } from '../../../../model/json.ts'
import { makeKey } from '../../../../model/key.ts'
import { createFilesStage } from '../../../support/file-problems.ts'
import { temporaryTree } from '../../host/napps-tree.ts'
import { API, openRealRig } from '../../http/harness.ts'
import { runIn } from '../cli-world.ts'

const X = makeKey('settings', 'kytos', 'x')
const X_THERE = makeKey('controllers', 'c2', 'kytos', 'x')
const BOX = makeKey('boxes', 'net', 'a b')

/** A service whose store has readable files, and its command line. */
async function openStage() {
  const stage = createFilesStage()
  const rig = await openRealRig(stage.backend)
  const cwd = await temporaryTree()
  const put = (name: string, json: object, query = '') =>
    rig.send('PUT', `${API}/kytos/${name}${query}`, { body: { json } })
  await put('x', { n: 1, deep: { list: [1], text: 'a\u001b[31mb' } })
  await put('x', { n: 2 }, '?scope=controller:c2')
  await put('y', { n: 1 })
  await rig.send('POST', '/api/kytos/storehouse/v2/net/a%20b', { body: { json: 1 } })
  const kytos = (...args: string[]) => runIn(cwd, [...args, '--url', rig.http.url])
  return { stage, kytos, send: rig.send }
}

describe('status', () => {
  it('shows how the service is, in a few lines when all is well', async () => {
    const { kytos } = await openStage()
    const { exit, stdout, stderr } = await kytos('status')
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' })
    expect(stdout.replaceAll(/\d{4}-\S+ \S+/g, 'THEN')).toBe(`Controller  controller-1
Service     running
Store       memory
State       ready since THEN
Revision    5
`)
  })

  it('lists the files that do not show their documents, and says what a person may do, once for each kind', async () => {
    const { stage, kytos } = await openStage()
    stage.add('FILE_MISSING', X, X_THERE)
    const missing = await kytos('status')
    expect(missing.stdout).toMatch(
      /^kytos\/x \(controller:c2\) +missing +\/store\/controllers\/c2\/kytos\/x.json$/m,
    )
    expect(
      missing.stdout.match(/"kytos-settings files restore \[NAPP\]" .* "kytos-settings delete NAPP"/g),
    ).toHaveLength(1)
    expect(missing.stdout).not.toMatch(/rejected|unwritable/i)
    stage.add('FILE_REJECTED', makeKey('settings', 'kytos', 'y'))
    stage.add('FILE_UNWRITABLE', BOX)
    const all = await kytos('status')
    expect(all.stdout).toMatch(/^box net\/a b +unwritable +\S+ +The file of/m)
    expect(all.stdout).toMatch(/^kytos\/y +rejected +/m)
    const one = await kytos('status', 'kytos/y', '--json')
    expect(parseJson(one.stdout)).toMatchObject({
      service: true,
      backend: 'memory',
      files: [{ namespace: 'kytos/y', code: 'FILE_REJECTED' }],
    })
    expect(await kytos('status', 'kytos/z')).toMatchObject({
      exit: 3,
      stdout: '',
      stderr: expect.stringMatching(/Did you mean "kytos\/\w"/),
    })
  })

  it('counts what it does not name', async () => {
    const { stage, kytos } = await openStage()
    stage.add('FILE_MISSING', ...Array.from({ length: 501 }, (_, i) => makeKey('boxes', 'many', `${i}`)))
    expect((await kytos('status')).stdout).toMatch(/^Further files that are not listed: 1\.$/m)
    expect((await kytos('files', 'restore')).stdout).toMatch(/^Further restored files: 1\.\n$/m)
  })
})

describe('list', () => {
  it('has a column for files only where one does not show its document', async () => {
    const { stage, kytos } = await openStage()
    expect((await kytos('list')).stdout).not.toMatch(/File/)
    stage.add('FILE_MISSING', X_THERE)
    stage.add('FILE_UNWRITABLE', X)
    const { stdout } = await kytos('list')
    expect(stdout).toMatch(/^NApp .* State +File$/m)
    expect(stdout).toMatch(/^kytos\/x .* ready +missing, unwritable$/m)
    expect(stdout).toMatch(/^kytos\/y .* ready$/m)
    expect(stdout).toContain('"kytos-settings status" lists the files')
  })
})

describe('files restore', () => {
  it('says which documents have their files again; none missing is no failure', async () => {
    const { stage, kytos } = await openStage()
    stage.add('FILE_MISSING', X, X_THERE, BOX)
    expect(await kytos('files', 'restore', 'net')).toEqual({
      exit: 0,
      stdout: 'Restored the file of box net/a b.\n',
      stderr: '',
    })
    const rest = await kytos('files', 'restore', '--json')
    expect(parseJson(rest.stdout)).toEqual({
      restored: [
        { namespace: 'kytos/x', scope: 'controller:c2' },
        { namespace: 'kytos/x', scope: 'cluster' },
      ],
    })
    expect(await kytos('files', 'restore', 'kytos/x')).toEqual({
      exit: 0,
      stdout: 'No readable file of kytos/x is missing.\n',
      stderr: '',
    })
    expect(await kytos('files', 'restore')).toEqual({
      exit: 0,
      stdout: 'No readable file is missing.\n',
      stderr: '',
    })
    expect(await kytos('files', 'restore', 'kytos/xx')).toMatchObject({
      exit: 3,
      stderr: expect.stringContaining('Did you mean "kytos/x"?'),
    })
    stage.add('FILE_MISSING', X)
    stage.isReadOnly = true
    expect(await kytos('files', 'restore')).toEqual({
      exit: 1,
      stdout: '',
      stderr: 'kytos-settings: The file system is read-only.\n',
    })
    expect((await kytos('files')).exit).toBe(2)
  })
})

describe('delete', () => {
  it('shows what it deleted and what is in effect instead, and keeps the comment', async () => {
    const { kytos, send } = await openStage()
    const schema = { properties: { n: { type: 'integer', default: 7 } } }
    await send('PUT', `${API}/kytos/x/schema`, { body: { json: schema } })
    const { exit, stdout, stderr } = await kytos('delete', 'kytos/x', '--comment', 'Größe egal')
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' })
    expect(stdout).toMatch(/^Key +Deleted +In effect\n/)
    expect(stdout).toMatch(/^deep\.list +\[1\] +-$/m)
    expect(stdout).toMatch(/^n +1 +7$/m)
    expect(stdout).not.toContain('\u001b')
    expect(stdout).toMatch(/^The overrides of kytos\/x are deleted, at revision \d+, version 2\.$/m)
    const { json } = await send('GET', `${API}/kytos/x/history?limit=1`)
    expect(json).toMatchObject([{ kind: 'deleted', comment: 'Größe egal' }])
    // The other scope keeps its own.
    const there = await kytos('delete', 'kytos/x', '--scope', 'controller:c2', '--json')
    expect(parseJson(there.stdout)).toMatchObject({
      namespace: 'kytos/x',
      dropped: { n: 2 },
      overrides: {},
      version: 2,
    })
  })

  it('exits with 3 where there is nothing to delete, and says so', async () => {
    const { kytos, send } = await openStage()
    const before = (await send('GET', '/healthz')).json.revision
    expect(await kytos('delete', 'kytos/y', '--scope', 'controller')).toMatchObject({
      exit: 3,
      stdout: '',
      stderr: expect.stringMatching(
        /kytos\/y has no overrides in the scope controller: nothing was deleted\./,
      ),
    })
    expect((await kytos('delete', 'kytos/xx')).exit).toBe(3)
    expect((await kytos('delete', 'nowhere')).exit).toBe(3)
    expect((await kytos('delete', 'kytos/y/z')).exit).toBe(2)
    expect((await kytos('delete', 'kytos/y', '--scope', 'nowhere')).exit).toBe(2)
    expect((await send('GET', '/healthz')).json.revision).toBe(before)
    // An empty object is stored overrides, too.
    await send('PUT', `${API}/kytos/empty`, { body: { json: {} } })
    expect(await kytos('delete', 'kytos/empty')).toMatchObject({
      exit: 0,
      stdout: expect.stringMatching(/^The overrides of kytos\/empty are deleted, [^\n]*\n$/),
    })
  })

  it('deletes only at the revision that was named', async () => {
    const { kytos, send } = await openStage()
    expect((await kytos('delete', 'kytos/x', '--if-revision', '1')).exit).toBe(5)
    expect((await kytos('delete', 'kytos/x', '--if-revision', 'x')).exit).toBe(2)
    const { revision } = (await send('GET', `${API}/kytos/x`)).json
    expect((await kytos('delete', 'kytos/x', '--if-revision', String(revision))).exit).toBe(0)
  })

  it('deletes what another client stores at the same moment either never or as it shows it', async () => {
    const { kytos, send } = await openStage()
    const writing = (async () => {
      for (let n = 10; n < 40; n++) await send('PUT', `${API}/kytos/y`, { body: { json: { n } } })
    })()
    const deleted = await kytos('delete', 'kytos/y', '--json')
    await writing
    const records = (await send('GET', `${API}/kytos/y/history?limit=100`)).json as unknown as {
      version: number
      kind: string
      data: object
    }[]
    if (deleted.exit === 0) {
      const { dropped, version } = parseJson(deleted.stdout) as { dropped: object; version: number }
      expect(records.find(record => record.version === version)?.kind).toBe('deleted')
      expect(records.find(record => record.version === version - 1)?.data).toEqual(dropped)
    } else
      expect({ exit: deleted.exit, kinds: records.some(({ kind }) => kind === 'deleted') }).toEqual({
        exit: 5,
        kinds: false,
      })
  })
})
