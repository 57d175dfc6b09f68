import { chmod, cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../../src/host/package-root.ts'
import { withoutMeta } from '../support/store-contents.ts'
import { runIn } from '../unit/cli/cli-world.ts'
import { doctor } from './doctor-stage.ts'
import { freshFolder } from './host-process.ts'
import { contentsOf, furnish, iniFor, kytos } from './moving-ground.ts'

const SMALL = { namespaces: 3, boxes: 10 }

/** A folder with an other.ini that names the example backend, and a folder.ini with a store in a folder. */
async function stage() {
  const cwd = await freshFolder()
  await cp(join(packageRoot(), 'examples/json_store/json-store.mjs'), join(cwd, 'json-store.mjs'))
  const folder = await iniFor(cwd, 'folder')
  const other = join(cwd, 'other.ini')
  const text = (await readFile(folder, 'utf8')).replace('backend = filesystem', 'backend = ./json-store.mjs')
  await writeFile(
    other,
    text.replace(/\[settings\.filesystem\]\n.*\n/, '[settings.json-store]\nfile = store.json\n'),
    {
      mode: 0o644,
    },
  )
  return { cwd, folder, other }
}

describe('a store of another package', () => {
  it('is filled, copied, saved and restored through the contract alone, and the doctor reads it', async () => {
    const { cwd, folder, other } = await stage()
    await furnish(folder, SMALL)
    expect(await doctor(cwd, 'other.ini')).toMatchObject({
      broken: [],
      hints: expect.arrayContaining(['store.none']),
    })
    expect(await kytos(cwd, 'copy', '--from', folder, '--to', other)).toMatchObject({ exit: 0 })
    const found = await doctor(cwd, 'other.ini')
    expect(found.codes).not.toContain('store.none')
    expect(found.broken).toEqual((await doctor(cwd, 'folder.ini')).broken)

    expect(await kytos(cwd, 'backup', 'a.archive', '-c', other)).toMatchObject({ exit: 0 })
    await writeFile(
      join(cwd, 'third.ini'),
      (await readFile(other, 'utf8')).replace('store.json', 'third.json'),
    )
    expect(await kytos(cwd, 'restore', 'a.archive', '-c', join(cwd, 'third.ini'))).toMatchObject({ exit: 0 })
    expect(
      await kytos(cwd, 'copy', '--from', join(cwd, 'third.ini'), '--to', folder, '--dry-run', '--json'),
    ).toMatchObject({ exit: 0 })
    expect(withoutMeta(await contentsOf(join(cwd, 'third.ini')))).toEqual(
      withoutMeta(await contentsOf(other)),
    )
    const same = await kytos(cwd, 'copy', '--from', other, '--to', other)
    expect(same.output).toContain(
      `configure the same store, json-store {"file":"${join(cwd, 'store.json')}","history":1000}`,
    )
  })

  it('is named by the doctor when it cannot be opened, when its module is wrong, and when others may write kytos.ini', async () => {
    const { cwd, other } = await stage()
    await writeFile(join(cwd, 'store.json'), 'no JSON')
    const damaged = await doctor(cwd, 'other.ini')
    expect(damaged).toMatchObject({ exit: 1, broken: ['store.unreadable'] })
    expect(damaged.find('store.unreadable').what).toContain('store.json is not what json-store wrote')

    const text = await readFile(other, 'utf8')
    for (const [from, to, what] of [
      ['json-store.mjs', 'none.mjs', 'there is no such file'],
      [
        'file = store.json',
        'fiel = store.json',
        'Unknown key "fiel" in [settings.json-store]: did you mean "file"?',
      ],
    ] as const) {
      await writeFile(join(cwd, 'wrong.ini'), text.replace(from, to))
      const found = await doctor(cwd, 'wrong.ini')
      expect(found).toMatchObject({ exit: 1, broken: ['backend.invalid'] })
      expect(found.find('backend.invalid').what).toContain(what)
    }

    await writeFile(join(cwd, 'kytos.ini'), text)
    await chmod(join(cwd, 'kytos.ini'), 0o662)
    const { exit, stdout } = await runIn(cwd, ['doctor', '--json'])
    const [finding] = JSON.parse(stdout).findings.filter(
      ({ severity }: { severity: string }) => severity === 'broken',
    )
    expect([exit, finding]).toEqual([
      1,
      expect.objectContaining({
        code: 'config.untrusted',
        repair: `chmod go-w ${join(cwd, 'kytos.ini')}`,
        where: join(cwd, 'kytos.ini'),
      }),
    ])
  })
})
