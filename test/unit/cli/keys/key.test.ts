import { chmod, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parseJson, printJson } from '../../../../model/json.ts'
import { sealValue } from '../../../../src/secrets/compact-jwe.ts'
import { currentKey, parseKeySet } from '../../../../src/secrets/key-set.ts'
import { commandLine, type Ran } from '../cli-world.ts'

/** A folder whose command line works on keys, and all that it printed. */
async function openKeys() {
  const { cwd, kytos } = await commandLine()
  const file = join(cwd, 'settings-keys.json')
  let printed = ''
  return {
    cwd,
    file,
    printed: () => printed,
    async key(...args: string[]): Promise<Ran> {
      const ran = await kytos('key', ...args)
      printed += ran.stdout + ran.stderr
      return ran
    },
    keys: async (path = file) => parseKeySet(await readFile(path, 'utf8'), path),
    /** The key texts that a file has. */
    texts: async () =>
      [...(await readFile(file, 'utf8')).matchAll(/"k": ?"([^"]+)"/g)].map(([, text = '']) => text),
  }
}

it('creates keys once, for their owner alone', async () => {
  const { cwd, file, key } = await openKeys()
  expect(await key('list')).toMatchObject({
    exit: expect.any(Number),
    stderr: expect.stringContaining('key create'),
  })
  const created = await key('create')
  expect(created).toMatchObject({ exit: 0, stdout: expect.stringContaining(file) })
  expect(created.stdout).toContain('key export')
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  const before = await readFile(file, 'utf8')
  const again = await key('create')
  expect(again).toMatchObject({ exit: 5, stdout: '', stderr: expect.stringContaining('already has keys') })
  expect(await readFile(file, 'utf8')).toBe(before)
  expect((await readdir(cwd)).filter(name => name.includes('.tmp'))).toEqual([])
})

it('adds a key that is the current one, keeps the older ones and the key of tags, and prints none', async () => {
  const { file, key, keys, texts, printed } = await openKeys()
  expect((await key('rotate')).exit).not.toBe(0)
  await key('create')
  const before = await keys()
  const rotated = await key('rotate')
  expect(rotated).toMatchObject({ exit: 0 })
  const after = await keys()
  expect(after.sealing.slice(0, -1)).toEqual(before.sealing)
  expect(after.tag).toEqual(before.tag)
  expect(rotated.stdout).toContain(currentKey(after).kid)
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  const listed = await key('list')
  expect(
    listed.stdout
      .trim()
      .split('\n')
      .map(line => line.split(/ +/)),
  ).toEqual([
    [before.sealing[0]?.kid, before.sealing[0]?.created],
    [currentKey(after).kid, currentKey(after).created, 'current'],
  ])
  expect(parseJson((await key('list', '--json')).stdout)).toEqual(
    after.sealing.map(({ kid, created }, i) => ({ kid, created, current: i === 1 })),
  )
  expect(await texts()).toHaveLength(3)
  for (const text of await texts()) expect(printed()).not.toContain(text)
})

it('exports the keys into a new file for its owner alone, with a warning', async () => {
  const { cwd, file, key, keys, texts, printed } = await openKeys()
  expect((await key('export', 'copy.json')).exit).not.toBe(0)
  await key('create')
  const exported = await key('export', 'copy.json')
  expect(exported).toMatchObject({ exit: 0, stdout: expect.stringContaining('reveals all secrets') })
  const copy = join(cwd, 'copy.json')
  expect((await stat(copy)).mode & 0o777).toBe(0o600)
  expect(await keys(copy)).toEqual(await keys())
  await symlink('elsewhere.json', join(cwd, 'link.json'))
  await writeFile(join(cwd, 'old.json'), 'kept', { mode: 0o644 })
  for (const name of ['copy.json', 'old.json', 'link.json', 'absent/copy.json', '.']) {
    const refused = await key('export', name)
    expect([name, refused.exit, refused.stdout]).toEqual([name, 2, ''])
    expect(refused.stderr).toContain('Name a new file')
  }
  expect(await readFile(join(cwd, 'old.json'), 'utf8')).toBe('kept')
  expect(await readdir(cwd)).not.toContain('elsewhere.json')
  // The copy takes the place of lost keys.
  await writeFile(file, await readFile(copy, 'utf8'), { mode: 0o600 })
  expect((await key('list')).stdout).toContain(currentKey(await keys(copy)).kid)
  for (const text of await texts()) expect(printed()).not.toContain(text)
})

it.each([
  ['no JSON', () => '{"keys": [{"k": "canary'],
  ['no JWK set', () => '{"k": "canary"}'],
  ['no key of tags', (text: string) => text.replace(/"use": ?"tag"/, '"use": "enc"')],
  ['a key that is too short', (text: string) => text.replace(/"k": ?"[^"]{20}/, '"k": "')],
  ['a key without an id', (text: string) => text.replace(/"kid": ?"[^"]+"/, '"kid": ""')],
])('refuses a file of keys with %s, and quotes nothing of it', async (_, damage) => {
  const { file, key, texts, printed } = await openKeys()
  await key('create')
  const all = [...(await texts()), 'canary']
  await writeFile(file, damage(await readFile(file, 'utf8')))
  const damaged = await readFile(file, 'utf8')
  for (const args of [['list'], ['rotate'], ['create'], ['export', 'copy.json']]) {
    const refused = await key(...args)
    expect([args, refused.exit === 0, refused.stdout]).toEqual([args, false, ''])
    expect(refused.stderr).toContain(file)
  }
  expect(await readFile(file, 'utf8')).toBe(damaged)
  for (const text of all) expect(printed()).not.toContain(text.slice(-15))
})

it('refuses a file of keys that others may read, behind a link too', async () => {
  const { cwd, file, key, keys } = await openKeys()
  await key('create')
  const [{ kid } = { kid: '' }] = (await keys()).sealing
  await chmod(file, 0o640)
  for (const args of [['list'], ['rotate'], ['export', 'copy.json']]) {
    const refused = await key(...args)
    expect(refused.exit).not.toBe(0)
    expect(refused.stderr).toContain(`chmod 600 ${file}`)
  }
  await chmod(file, 0o600)
  const linked = join(cwd, 'linked.json')
  await symlink(file, linked)
  const ini = join(cwd, 'kytos.ini')
  await writeFile(
    ini,
    (await readFile(ini, 'utf8')).replace('[settings]\n', `[settings]\nkeys = ${linked}\n`),
  )
  expect(await key('list')).toMatchObject({ exit: 0, stdout: expect.stringContaining(kid) })
  await chmod(file, 0o644)
  expect((await key('list')).stderr).toContain('chmod 600')
})

it('opens a sealed file with its own keys, and no other file', async () => {
  const { cwd, key, keys } = await openKeys()
  await key('create')
  const { kid, bytes } = currentKey(await keys())
  const place = { namespace: 'acme/vault', place: '', tag: 'AAAAAAAAAAAAAAAAAAAAAA' }
  const sealed = sealValue(bytes, { ...place, kid }, '{"password": "typed"')
  const foreign = sealValue(Buffer.alloc(32, 1), { ...place, kid: 'foreign' }, 'canary')
  const tampered = sealed.replace(/.$/, last => (last === 'A' ? 'B' : 'A'))
  const write = (name: string, text: string) => writeFile(join(cwd, name), text)
  await write('good', printJson({ $sealed: sealed }))
  expect(await key('open', 'good')).toEqual({ exit: 0, stdout: '{"password": "typed"', stderr: '' })
  await write('foreign', printJson({ $sealed: foreign }))
  await write('tampered', printJson({ $sealed: tampered.slice(0, -8) }))
  await write('plain', '{"password": "canary"}')
  await write('text', 'canary')
  for (const name of ['foreign', 'tampered', 'plain', 'text', 'absent']) {
    const refused = await key('open', name)
    expect([name, refused.exit === 0, refused.stdout]).toEqual([name, false, ''])
    expect([name, refused.stderr]).toEqual([name, expect.stringContaining(name)])
    expect(refused.stderr).not.toContain('canary')
  }
})
