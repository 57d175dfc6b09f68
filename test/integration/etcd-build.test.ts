import { execFile } from 'node:child_process'
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'
import { packageRoot } from '../../src/host/package-root.ts'
import { freshFolder } from './host-process.ts'

const run = promisify(execFile)
const SCRIPT = join(packageRoot(), 'scripts', 'etcd-build.mjs')
/** No etcd has this version: what the script keeps of it is of this test only. */
const VERSION = '0.0.1-test.1'
const ETCD = `#!/bin/sh\necho "etcd Version: ${VERSION}"\n`

/** A machine whose Go notes its calls and builds a text in the place of etcd. */
async function machine(minor: number): Promise<{
  readonly build: (cache?: string) => Promise<string>
  readonly calls: () => Promise<string[]>
  readonly cache: string
}> {
  const folder = await freshFolder()
  const [bin, calls, cache] = [join(folder, 'bin'), join(folder, 'calls'), join(folder, 'cache')]
  await mkdir(bin)
  await writeFile(join(folder, 'etcd'), ETCD)
  const go = `#!/bin/sh
[ "$1" = version ] && echo "go version go1.${minor}.0 linux/amd64" && exit
echo "$1 $2" >> ${calls}
[ "$1" = build ] || exit 0
cp ${folder}/etcd etcd && chmod +x etcd`
  for (const [name, text] of [
    ['go', go],
    ['python3', `#!/bin/sh\necho "python3 $*" >> ${calls}; exit 1`],
  ] as const) {
    await writeFile(join(bin, name), text)
    await chmod(join(bin, name), 0o755)
  }
  return {
    cache,
    calls: async () =>
      (await readFile(calls, 'utf8').catch(() => '')).split('\n').filter(line => line !== ''),
    build: async (where = cache) => {
      const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, XDG_CACHE_HOME: where }
      return (await run(process.execPath, [SCRIPT, VERSION], { env })).stdout.trim()
    },
  }
}

it('builds etcd once into the cache of the user, and again only when the binary does not run', async () => {
  const { build, calls, cache } = await machine(99)
  const folder = join(cache, 'kytos-settings', 'etcd', VERSION)
  const binary = join(folder, 'etcd')
  expect(await build()).toBe(binary)
  expect(await calls()).toEqual(['mod init', `get go.etcd.io/etcd/server/v3@v${VERSION}`, 'build -trimpath'])
  // What the build needed is gone; two at once have a folder each.
  expect(await readdir(folder)).toEqual(['etcd'])
  expect(await Promise.all([build(), build()])).toEqual([binary, binary])
  expect(await calls()).toHaveLength(3)
  await writeFile(binary, 'half of it')
  expect(await Promise.all([build(), build()])).toEqual([binary, binary])
  // The second build may find the binary of the first one.
  expect([6, 9]).toContain((await calls()).length)
  expect(await readFile(binary, 'utf8')).toBe(ETCD)
  expect(await readdir(folder)).toEqual(['etcd'])
})

it('keeps etcd beside the packages when the cache of the user cannot be written', async () => {
  const { build } = await machine(99)
  const folder = join(packageRoot(), 'node_modules', '.cache', 'etcd-build', VERSION)
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  expect(await build('/dev/null')).toBe(join(folder, 'etcd'))
  expect(await build('/dev/null')).toBe(join(folder, 'etcd'))
})

it('names the package that installs Go where there is none that is new enough', async () => {
  const { build, calls } = await machine(25)
  expect(await build().catch(error => error.stderr)).toMatch(
    /requires Go 1\.\d+ or newer: https:\/\/go\.dev\/doc\/install \(.* apt-get install python3-venv\)/,
  )
  expect(await calls()).toEqual([expect.stringContaining('python3 -m venv')])
})
