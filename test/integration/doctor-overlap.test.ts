import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import { doctor } from './doctor-stage.ts'
import { freshFolder } from './host-process.ts'
import { etcdForTest, furnish, iniFor } from './moving-ground.ts'

const SMALL = { namespaces: 3, boxes: 10 }

/** A kytos.ini that is another one with a text in the place of one in it. */
async function iniLike(ini: string, name: string, from: string, to: string): Promise<void> {
  const text = await readFile(ini, 'utf8')
  expect(text).toContain(from)
  await writeFile(join(ini, '..', `${name}.ini`), text.replace(from, to))
}

describe('the doctor, of stores that overlap,', () => {
  it('finds them in etcd from both sides, and changes nothing', async () => {
    const cwd = await freshFolder()
    const etcd = await etcdForTest()
    const ini = await iniFor(cwd, 'lab', etcd)
    await iniLike(ini, 'inner', 'prefix = /lab', 'prefix = /lab/settings/y')
    await furnish(ini, SMALL)
    expect((await doctor(cwd, 'lab.ini')).broken).toEqual([])
    await etcd.client.put('/lab/settings/y/meta/store').value('{"format":1,"epoch":1700000000000}').exec()
    const revision = await etcd.revision()
    for (const [file, own, other] of [
      ['lab.ini', '/lab', '/lab/settings/y'],
      ['inner.ini', '/lab/settings/y', '/lab'],
    ] as const) {
      const found = await doctor(cwd, file)
      expect(found).toMatchObject({ exit: 1, broken: ['store.overlap'] })
      const { where, what, repair } = found.find('store.overlap')
      expect([where, what, repair]).toEqual([
        `${etcd.endpoint}, ${own}`,
        expect.stringContaining(`"${other}"`),
        expect.stringContaining(file),
      ])
    }
    expect(await etcd.revision()).toBe(revision)
  })

  it('finds them in folders from both sides', async () => {
    const cwd = await freshFolder()
    const ini = await iniFor(cwd, 'a')
    await iniLike(ini, 'inner', 'path = store-a', 'path = store-a/controllers')
    const inner = createFilesystemBackend({ path: join(cwd, 'store-a/controllers') }, { report: () => {} })
    await inner.open()
    await inner.close()
    expect((await doctor(cwd, 'inner.ini')).codes).not.toContain('store.overlap')
    const outer = await doctor(cwd, 'a.ini')
    expect(outer).toMatchObject({ exit: 1, broken: ['store.overlap'] })
    expect(outer.find('store.overlap').what).toContain(join(cwd, 'store-a/controllers'))
    const other = await freshFolder()
    const second = await iniFor(other, 'b')
    await furnish(second, SMALL)
    await iniLike(second, 'within', 'path = store-b', 'path = store-b/boxes/net')
    expect((await doctor(other, 'b.ini')).codes).not.toContain('store.overlap')
    const within = await doctor(other, 'within.ini')
    expect(within).toMatchObject({ exit: 1, broken: expect.arrayContaining(['store.overlap']) })
    expect(within.find('store.overlap').where).toBe(join(other, 'store-b/boxes/net'))
  })
})
