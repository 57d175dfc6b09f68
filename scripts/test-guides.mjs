// `npm run test:guides`: executes the commands of docs/admin with real etcds on loopback, and checks the files
// for Prometheus with promtool. The etcds of other versions are built once, and promtool is unpacked once from
// Debian's package, in ${XDG_CACHE_HOME:-~/.cache}/kytos-settings. Needs a build. Arguments go to vitest.
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fail, isBuilt, print, root, runOrFail } from './prepare.mjs'

/** The versions of etcd that the upgrade of docs/admin/etcd-care.md passes after the one on the PATH. */
const VERSIONS = ['3.5.35', '3.6.16']
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'kytos-settings')

if (!isBuilt()) fail('The build is older than its sources: npm run build.')
const [ETCD_35, ETCD_36] = VERSIONS.map(findEtcd)
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
const config = join(root, 'test', 'guides', 'vitest.config.ts')
const env = { ...process.env, ETCD_35, ETCD_36, PROMTOOL: findPromtool() }
runOrFail(process.execPath, [vitest, 'run', '--config', config, ...process.argv.slice(2)], env)

/** The path of an etcd of this version, which is built unless it is in the cache. */
function findEtcd(version) {
  const script = join(root, 'scripts', 'etcd-build.mjs')
  const stdio = /** @type {const} */ (['ignore', 'pipe', 'inherit'])
  const { status, stdout } = spawnSync(process.execPath, [script, version], { encoding: 'utf8', stdio })
  if (status !== 0) process.exit(status ?? 1)
  return stdout.trim()
}

/** The promtool on the PATH, or the one of Debian's package, which is unpacked but not installed. */
function findPromtool() {
  if (runs('promtool')) return 'promtool'
  const binary = join(cache, 'promtool', 'promtool')
  if (existsSync(binary) && runs(binary)) return binary
  mkdirSync(join(cache, 'promtool'), { recursive: true })
  const work = mkdtempSync(join(cache, 'promtool', 'unpack-'))
  print('Unpacking promtool from the Debian package prometheus, once for this machine ...')
  const stdio = /** @type {const} */ (['ignore', 2, 2])
  spawnSync('apt-get', ['download', 'prometheus'], { cwd: work, stdio })
  const file = readdirSync(work).find(name => name.endsWith('.deb'))
  if (file) spawnSync('dpkg', ['-x', file, '.'], { cwd: work, stdio })
  const unpacked = join(work, 'usr', 'bin', 'promtool')
  const whole = existsSync(unpacked) && runs(unpacked)
  if (whole) {
    copyFileSync(unpacked, join(work, 'promtool'))
    renameSync(join(work, 'promtool'), binary)
  }
  rmSync(work, { recursive: true, force: true })
  return whole ? binary : fail('promtool is missing: apt-get install prometheus.')
}

function runs(binary) {
  return spawnSync(binary, ['--version'], { stdio: 'ignore' }).status === 0
}
