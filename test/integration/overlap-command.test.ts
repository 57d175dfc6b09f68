import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { EtcdServer } from '../support/etcd.ts'
import { freshFolder } from './host-process.ts'
import { contentsOf, etcdForTest, furnish, iniFor, kytos } from './moving-ground.ts'

const SMALL = { namespaces: 3, boxes: 10 }
const MARK = '{"format":1,"epoch":1700000000000}'
const HASH = `sha256:${'h'.repeat(43)}`
const TOKEN = `{"name":"ci","rights":["read"],"created_at":"2026-01-01T00:00:00.000Z","created_by":{"type":"user","name":"a"},"expires_at":null,"hash":"${HASH}"}`

/** What a store holds at its prefix, as a release left it that looked for no other store. */
const HELD: Readonly<Record<string, string>> = {
  'boxes/net/1': '{"data":1}',
  'boxes/tokens/1': '{"data":1,"created_at":"t"}',
  'controllers/c/kytos/b': '{"n":1}',
  'history/settings/kytos/b/000000000001': '{"version":1}',
  'meta/store': MARK,
  'schemas/kytos/b/digest': '{}',
  'settings/kytos/b': '{"n":2}',
  'tokens/ab12': TOKEN,
}

async function putAll(etcd: EtcdServer, prefix: string): Promise<void> {
  for (const [key, text] of Object.entries(HELD)) await etcd.client.put(`${prefix}/${key}`).value(text).exec()
}

/** The current keys of that store. */
async function heldAt(etcd: EtcdServer, prefix: string): Promise<Record<string, string>> {
  const all = await etcd.client.getAll().prefix(`${prefix}/`).strings()
  return Object.fromEntries(
    Object.keys(HELD).flatMap(key =>
      all[`${prefix}/${key}`] === undefined ? [] : [[key, all[`${prefix}/${key}`] ?? '']],
    ),
  )
}

/** The kytos.ini of a store at another prefix. */
async function iniAt(cwd: string, name: string, ini: string, prefix: string): Promise<void> {
  await writeFile(
    join(cwd, `${name}.ini`),
    (await readFile(ini, 'utf8')).replace(/prefix = .*/, `prefix = ${prefix}`),
  )
}

describe('Commands on a store that overlaps with another one', () => {
  it.each(['settings', 'settings/y', 'boxes', 'controllers'])(
    'are refused and change nothing: %s',
    async rest => {
      const cwd = await freshFolder()
      const etcd = await etcdForTest()
      const ini = await iniFor(cwd, 'lab', etcd)
      const inner = `/lab/${rest}`
      await iniAt(cwd, 'inner', ini, inner)
      const folder = await iniFor(cwd, 'folder')
      await furnish(ini, SMALL)
      await furnish(folder, SMALL)
      expect((await kytos(cwd, 'backup', 'lab.archive', '-c', 'lab.ini')).exit).toBe(0)
      const before = (await contentsOf(ini)).texts
      await putAll(etcd, inner)
      const revision = await etcd.revision()
      for (const [target, other] of [
        ['lab.ini', inner],
        ['inner.ini', '/lab'],
      ] as const) {
        for (const args of [
          ['restore', 'lab.archive', '--overwrite', '-c', target],
          ['backup', 'other.archive', '-c', target],
          ['copy', '--from', 'folder.ini', '--to', target, '--overwrite'],
          ['copy', '--from', target, '--to', 'folder.ini', '--overwrite'],
          ['export', '-c', target],
          ['token', 'list', '-c', target],
        ]) {
          const { exit, output } = await kytos(cwd, ...args)
          expect([exit, output], args.join(' ')).toEqual([
            args[0] === 'export' ? 6 : 1,
            expect.stringContaining(`overlaps the store at "${other}"`),
          ])
          expect(output).not.toContain(HASH)
        }
      }
      expect(await etcd.revision()).toBe(revision)
      expect(await heldAt(etcd, inner)).toEqual(HELD)

      // Once the inner one is none any more, what it left is neither copied nor shown nor removed.
      await etcd.client.delete().key(`${inner}/meta/store`).exec()
      expect((await kytos(cwd, 'backup', 'later.archive', '-c', 'lab.ini')).exit).toBe(0)
      const lines = gunzipSync(await readFile(join(cwd, 'later.archive'))).toString()
      expect(lines).not.toContain(HASH)
      expect(lines).not.toContain('"data":1}')
      expect((await kytos(cwd, 'export', '-c', 'lab.ini')).output).not.toContain(HASH)
      const restored = await kytos(cwd, 'restore', 'lab.archive', '--overwrite', '-c', 'lab.ini')
      expect([restored.exit, restored.output]).toEqual([0, expect.stringContaining('Verified as equal')])
      const left: Record<string, string> = { ...HELD }
      delete left['meta/store']
      // A store directly at "controllers" has settings where the outer one has overrides of a controller
      // called "settings", so that both are indistinguishable.
      if (rest === 'controllers') {
        delete left['settings/kytos/b']
        delete left['boxes/net/1']
        delete left['boxes/tokens/1']
      }
      expect(await heldAt(etcd, inner)).toEqual(left)
      expect((await contentsOf(ini)).texts).toEqual(before)
    },
  )

  it('is refused where a copy would make the second store', async () => {
    const cwd = await freshFolder()
    const etcd = await etcdForTest()
    const ini = await iniFor(cwd, 'lab', etcd)
    await iniAt(cwd, 'inner', ini, '/lab/settings')
    await furnish(ini, SMALL)
    const revision = await etcd.revision()
    const { exit, output } = await kytos(cwd, 'copy', '--from', 'lab.ini', '--to', 'inner.ini')
    expect([exit, output]).toEqual([1, expect.stringContaining('overlaps the store at "/lab"')])
    expect(await etcd.revision()).toBe(revision)
  })
})
