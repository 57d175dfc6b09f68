import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { isBuilt } from '../../scripts/prepare.mjs'
import { packageRoot } from '../../src/host/package-root.ts'
import { withoutMeta } from '../support/store-contents.ts'
import { freshFolder } from './host-process.ts'
import { contentsOf, etcdForTest, furnish } from './moving-ground.ts'

it('docs/moving-stores.md shows commands that work as described', { timeout: 60_000 }, async () => {
  expect(isBuilt()).toBe(true)
  const cwd = await freshFolder()
  const etcd = await etcdForTest()
  const docs = await readFile(join(packageRoot(), 'docs/moving-stores.md'), 'utf8')
  const [, ini = ''] = /```ini\n(.*?)```/s.exec(docs) ?? []
  const [copying = '', archiving = '', examining = ''] = [...docs.matchAll(/```sh\n(.*?)```/gs)].map(
    ([, commands = '']) => commands,
  )
  const kytosIni = join(cwd, 'kytos.ini')
  const target = ini
    .replace('http://127.0.0.1:2379', etcd.endpoint)
    .replace('[settings]', '[settings]\nstate_dir = state-etcd')
  await writeFile(
    join(cwd, 'etcd.ini'),
    `[daemon]\nnapps = napps\nnapps_pre_installed = ["kytos/settings"]\n${target}`,
  )
  await furnish(kytosIni, { namespaces: 3, boxes: 20 })
  const wanted = withoutMeta(await contentsOf(kytosIni))
  const main = join(packageRoot(), 'dist/src/main.js')
  const shell = (commands: string) =>
    promisify(execFile)(
      'bash',
      ['-c', `set -e\nnpx() { shift; "${process.execPath}" "${main}" "$@"; }\n${commands}`],
      { cwd },
    )

  const copied = await shell(copying)
  expect(copied.stdout).toContain('Dry run: nothing was written.')
  expect(copied.stdout).toContain('Verified as equal')
  expect(copied.stdout).toMatch(/ 0 broken|^0 broken/m)
  expect(withoutMeta(await contentsOf(join(cwd, 'etcd.ini')))).toEqual(wanted)
  const archived = await shell(archiving)
  expect(archived.stdout).toMatch(/Wrote \S*settings\.archive \(\d+ bytes\) and verified it\.\n/)
  expect(archived.stdout).toMatch(
    /^0 written \(0 of them replaced\), \d\d unchanged, 0 removed, 0 skipped\.\nVerified as equal/m,
  )
  expect(withoutMeta(await contentsOf(kytosIni))).toEqual(wanted)
  const examined = await shell(examining)
  expect(examined.stdout).toMatch(/0 broken, \d+ warning, \d+ hint\.\n\{\n {2}"healthy": true/)
})
