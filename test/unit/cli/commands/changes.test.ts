import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { parseJson } from '../../../../model/json.ts'
import { temporaryTree } from '../../host/napps-tree.ts'
import { API, openRealRig } from '../../http/harness.ts'
import { type Ran, runIn } from '../cli-world.ts'

let cwd: string
let send: Awaited<ReturnType<typeof openRealRig>>['send']
let kytos: (...args: string[]) => Promise<Ran>
let kytosWith: (input: string, ...args: string[]) => Promise<Ran>

const SCHEMA = {
  type: 'object',
  properties: {
    n: { type: 'integer', default: 1 },
    name: { type: 'string' },
    list: { type: 'array', items: { type: 'string' }, default: [] },
    deep: { type: 'object', properties: { a: { type: 'integer' }, b: { type: 'integer' } } },
  },
}

beforeEach(async () => {
  const rig = await openRealRig()
  send = rig.send
  cwd = await temporaryTree()
  kytos = (...args) => runIn(cwd, [...args, '--url', rig.http.url])
  kytosWith = (input, ...args) =>
    runIn(cwd, [...args, '--url', rig.http.url], undefined, undefined, false, input)
  for (const name of ['x', 'y']) await send('PUT', `${API}/kytos/${name}/schema`, { body: { json: SCHEMA } })
})

async function overrides(path: string): Promise<unknown> {
  return (await send('GET', `${API}/${path}`)).json.overrides
}

describe('set', () => {
  it('takes a name that only one NApp has', async () => {
    await send('PUT', `${API}/other/y`, { body: { json: {} } })
    expect(await kytos('set', 'x', 'n=2')).toMatchObject({ exit: 0, stderr: '' })
    expect(await overrides('kytos/x')).toEqual({ n: 2 })
    expect(await kytos('set', 'y', 'n=2')).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('"y" is the name of several NApps: kytos/y, other/y.'),
    })
    expect(await kytos('get', 'xx')).toMatchObject({
      exit: 3,
      stderr: expect.stringContaining('No known NApp has the name "xx". Did you mean x?'),
    })
  })

  it('appends to a list, by the schema of its items', async () => {
    await kytos('set', 'kytos/x', 'list+=1')
    expect(await kytos('set', 'kytos/x', 'list+=a b', 'list+=["c"]')).toMatchObject({ exit: 0 })
    expect(await overrides('kytos/x')).toEqual({ list: ['1', 'a b', '["c"]'] })
    expect(await kytos('set', 'kytos/x', 'n+=1')).toMatchObject({
      exit: 4,
      stderr: expect.stringContaining('n is not a list'),
    })
  })

  it('takes a value from a file or from standard input', async () => {
    await writeFile(join(cwd, 'name'), 'first line\nsecond line\n')
    await writeFile(join(cwd, 'latin'), Buffer.from([0x4d, 0xfc]))
    expect(await kytos('set', 'kytos/x', 'name=@name')).toMatchObject({ exit: 0 })
    expect(await overrides('kytos/x')).toEqual({ name: 'first line\nsecond line' })
    expect(await kytosWith('[1, 2]\n', 'set', 'kytos/y', 'other=@-', 'name=@@home')).toMatchObject({
      exit: 0,
    })
    expect(await overrides('kytos/y')).toEqual({ other: [1, 2], name: '@home' })
    expect(await kytos('set', 'kytos/x', 'name=@nowhere')).toMatchObject({
      exit: 2,
      stderr: expect.stringMatching(/nowhere cannot be read: .*ENOENT/),
    })
    expect(await kytos('set', 'kytos/x', 'name=@latin')).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('latin is not UTF-8'),
    })
  })

  it('merges an object from standard input', async () => {
    await kytos('set', 'kytos/x', 'deep.a=1', 'n=2')
    expect(await kytosWith('{"deep": {"b": 2}, "name": "z"}', 'set', 'kytos/x', '-')).toMatchObject({
      exit: 0,
    })
    expect(await overrides('kytos/x')).toEqual({ deep: { a: 1, b: 2 }, n: 2, name: 'z' })
    expect(await kytosWith('[1]', 'set', 'kytos/x', '-')).toMatchObject({ exit: 2 })
  })

  it('changes several NApps in one transaction: all or none', async () => {
    const words = ['set', 'kytos/x', 'n=2', '--comment', 'both', 'kytos/y', 'n=3', 'name=z']
    const { exit, stdout } = await kytos(...words)
    expect(exit).toBe(0)
    const [, x, y] = /kytos\/x is at revision (\d+).*kytos\/y is at revision (\d+)/s.exec(stdout) ?? []
    expect(x).toBe(y)
    expect(await kytos('set', 'kytos/x', 'n=7', 'kytos/y', 'n="text"')).toMatchObject({ exit: 4 })
    expect(await overrides('kytos/x')).toEqual({ n: 2 })
    const dry = await kytos('set', 'kytos/x', 'n=7', 'kytos/y', 'n=8', '-n')
    expect(dry.stdout.match(/Dry run: nothing was written/g)).toHaveLength(2)
    expect(await overrides('kytos/y')).toEqual({ n: 3, name: 'z' })
    expect(await kytos('set', 'kytos/x', 'kytos/y', 'n=8')).toMatchObject({ exit: 2 })
    expect(await kytos('set', 'n=1', 'kytos/y', 'n=8')).toMatchObject({ exit: 2 })
  })
})

describe('get', () => {
  it('prints all settings of all NApps without a NApp', async () => {
    await kytos('set', 'x', 'name=z')
    expect((await kytos('get')).stdout).toBe(`NApp     Key   Value
kytos/x  list  []
kytos/x  n     1
kytos/x  name  "z"
kytos/y  list  []
kytos/y  n     1
`)
    expect(parseJson((await kytos('get', '--json')).stdout)).toEqual({
      'kytos/x': { list: [], n: 1, name: 'z' },
      'kytos/y': { list: [], n: 1 },
    })
    expect(await kytos('get', '--scope', 'controller:c2')).toMatchObject({ exit: 2 })
  })

  it('prints the overrides of an earlier version, or one of them', async () => {
    await kytos('set', 'x', 'n=2')
    await kytos('set', 'x', 'n=3', 'name=z')
    expect((await kytos('get', 'x', '--version', '1')).stdout).toBe('Key  Value\nn    2\n')
    expect((await kytos('get', 'x', 'n', '--version', '1')).stdout).toBe('2\n')
    expect(await kytos('get', 'x', 'name', '--version', '1')).toMatchObject({ exit: 3 })
    expect(await kytos('get', 'x', '--version', '9')).toMatchObject({ exit: 3 })
  })
})

describe('a KEY', () => {
  it('limits history and describe to a setting', async () => {
    await kytos('set', 'x', 'n=2')
    await kytos('set', 'x', 'deep.a=3')
    await kytos('set', 'x', 'deep.a=4')
    const { stdout } = await kytos('history', 'x', 'deep', '--json')
    expect((parseJson(stdout) as { version: number }[]).map(({ version }) => version)).toEqual([3, 2])
    expect((await kytos('history', 'x', 'n', '--limit', '5')).stdout).toContain('n unset -> 2')
    expect((await kytos('history', 'x', 'name')).stdout).toContain('no changes')
    const described = (await kytos('describe', 'x', 'deep')).stdout
    expect(described).toMatch(/^deep\.b /m)
    expect(described).not.toMatch(/^name /m)
    expect(await kytos('describe', 'x', 'nam')).toMatchObject({
      exit: 3,
      stderr: expect.stringContaining('Did you mean name?'),
    })
  })
})

describe('promote', () => {
  it('moves the overrides of one controller to all in one transaction', async () => {
    await kytos('set', 'x', 'n=2', 'name=kept', '-s', 'controller:c2')
    await kytos('set', 'x', 'n=5', '-s', 'controller:c3')
    await kytos('set', 'x', 'list+=a')
    const promoted = await kytos('promote', 'x', 'n', '--from', 'c2')
    expect(promoted).toMatchObject({ exit: 0 })
    expect(promoted.stderr).toContain('The controller c3 keeps its own override of n.')
    expect(await overrides('kytos/x')).toEqual({ list: ['a'], n: 2 })
    expect(await overrides('kytos/x?scope=controller:c2')).toEqual({ name: 'kept' })
    expect(await kytos('promote', 'x', '--from', 'c2')).toMatchObject({ exit: 0 })
    expect((await send('GET', `${API}/controllers`)).json).not.toMatchObject({
      controllers: expect.arrayContaining([expect.objectContaining({ id: 'c2' })]),
    })
    expect(await kytos('promote', 'x', '--from', 'c2')).toMatchObject({
      exit: 3,
      stderr: expect.stringContaining('has no overrides in the scope controller:c2'),
    })
  })
})

describe('export --dir and apply', () => {
  const file = (name: string) => join(cwd, 'd', name)

  beforeEach(async () => {
    await kytos('set', 'x', 'n=2')
    await kytos('set', 'y', 'n=3', '-s', 'controller:c2')
    await kytos('export', '--dir', 'd')
  })

  it('write every scope, and find no difference', async () => {
    const files = (await readdir(join(cwd, 'd'), { recursive: true })).filter(name => name.endsWith('.json'))
    expect(files.sort()).toEqual([
      '.kytos-settings.json',
      'controllers/c2/kytos/y.json',
      'settings/kytos/x.json',
    ])
    expect(parseJson(await readFile(file('settings/kytos/x.json'), 'utf8'))).toEqual({ n: 2 })
    const revision = (await send('GET', '/healthz')).json.revision
    expect(await kytos('apply', 'd', '--dry-run')).toMatchObject({ exit: 0 })
    expect(await kytos('apply', 'd')).toMatchObject({
      exit: 0,
      stdout: 'The store equals the folder: nothing was stored.\n',
    })
    expect((await send('GET', '/healthz')).json.revision).toBe(revision)
  })

  it('show differences, validate them, and store them together', async () => {
    await writeFile(file('settings/kytos/x.json'), '{"n": 4}')
    await mkdir(file('settings/me'), { recursive: true })
    await writeFile(file('settings/me/new.json'), '{"a": 1}')
    const dry = await kytos('apply', 'd', '--dry-run')
    expect(dry.exit).toBe(1)
    expect(dry.stdout).toContain('-  "n": 2\n+  "n": 4\n')
    expect(await overrides('kytos/x')).toEqual({ n: 2 })
    await writeFile(file('settings/kytos/x.json'), '{"n": "text"}')
    expect(await kytos('apply', 'd')).toMatchObject({ exit: 4 })
    expect((await send('GET', `${API}/me/new`)).status).toBe(404)
    await writeFile(file('settings/kytos/x.json'), '{"n": 4}')
    expect((await kytos('apply', 'd', '--comment', 'from git')).stdout).toContain('1 created, 1 updated')
    expect(await overrides('kytos/x')).toEqual({ n: 4 })
    expect(await kytos('apply', 'd')).toMatchObject({ stdout: expect.stringContaining('nothing was stored') })
  })

  it('store nothing over a change that the folder does not know, unless forced', async () => {
    await kytos('set', 'x', 'n=9')
    await writeFile(file('settings/kytos/x.json'), '{"n": 4}')
    await writeFile(file('controllers/c2/kytos/y.json'), '{"n": 5}')
    expect(await kytos('apply', 'd')).toMatchObject({
      exit: 5,
      stderr: expect.stringMatching(/Nothing was stored.*: settings\/kytos\/x\.json\./),
    })
    expect(await overrides('kytos/y?scope=controller:c2')).toEqual({ n: 3 })
    expect(await kytos('apply', 'd', '--force')).toMatchObject({ exit: 0 })
    expect(await overrides('kytos/x')).toEqual({ n: 4 })
    expect(await overrides('kytos/y?scope=controller:c2')).toEqual({ n: 5 })
  })

  it('delete documents of a removed file only with --prune, after a confirmation', async () => {
    await rm(file('settings/kytos/x.json'))
    expect((await kytos('apply', 'd')).stderr).toContain('1 document has no file any more and stays stored')
    expect(await overrides('kytos/x')).toEqual({ n: 2 })
    expect(await kytos('apply', 'd', '--prune')).toMatchObject({ exit: 2 })
    expect(await overrides('kytos/x')).toEqual({ n: 2 })
    expect(await kytos('apply', 'd', '--prune', '--yes')).toMatchObject({ exit: 0 })
    expect(await overrides('kytos/x')).toEqual({})
  })

  it('name the file of a text that is not valid, and store nothing', async () => {
    await writeFile(file('settings/kytos/x.json'), '{"n": 4,}')
    expect(await kytos('apply', 'd')).toMatchObject({
      exit: 4,
      stderr: expect.stringContaining('x.json is not valid'),
    })
    expect(await kytos('apply', 'nowhere')).toMatchObject({ exit: 2 })
  })

  it('take one file, as export prints it', async () => {
    await writeFile(join(cwd, 'all.json'), '{"kytos/x": {"n": 8}, "kytos/y": {"n": 9}}')
    expect(await kytos('apply', 'all.json')).toMatchObject({ exit: 0 })
    expect([await overrides('kytos/x'), await overrides('kytos/y')]).toEqual([{ n: 8 }, { n: 9 }])
    await writeFile(join(cwd, 'all.json'), '{"kytos/x": 1}')
    expect(await kytos('apply', 'all.json')).toMatchObject({
      exit: 4,
      stderr: expect.stringContaining('The value of kytos/x must be an object'),
    })
  })

  it('need --chunks for more documents than one transaction has', async () => {
    for (let i = 0; i < 33; i++) await writeFile(file(`settings/kytos/n${i}.json`), '{"a": 1}')
    expect(await kytos('apply', 'd')).toMatchObject({ exit: 2, stderr: expect.stringContaining('--chunks') })
    const applied = await kytos('apply', 'd', '--chunks')
    expect(applied).toMatchObject({ exit: 0 })
    expect(applied.stderr).toContain('32 of 33 documents are stored.')
  })
})
