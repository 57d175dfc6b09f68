// `npm run test:etcd`: a short set of tests and rounds of chaos on etcd 3.6, beside the etcd on the PATH that
// `npm test` uses. Arguments go to vitest in place of the set. Needs a build and what `npm test` installs.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { print, root, runOrFail } from './prepare.mjs'

/** The contract, and what depends on the server: watches, refusals, rights, secrets, restores and space. */
const SET = [
  'test/conformance/etcd',
  'test/integration/etcd-cluster',
  'test/integration/etcd-open',
  'test/integration/etcd-space-told',
  'test/integration/etcd-watch',
  'test/integration/doctor-etcd',
  'test/chaos/etcd-restore',
  'test/chaos/etcd-rotation',
  'test/chaos/etcd-space',
  'test/chaos/etcd-tokens',
]
/** One round of each kind of fault. */
const CHAOS = ['--backend', 'etcd', '--rounds', '6', '--seconds', '4', '--seed', '20261122']

const files = process.argv.slice(2)
const env = { ...process.env, ETCD_BINARY: findEtcd() }
print(`Testing on ${env.ETCD_BINARY} ...`)
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
runOrFail(process.execPath, [vitest, 'run', ...(files.length > 0 ? files : SET)], env)
if (files.length === 0) runOrFail('npm', ['run', '--silent', 'chaos', '--', ...CHAOS], env)

/** The path of etcd 3.6, which is built unless it is in the cache. */
function findEtcd() {
  const script = join(root, 'scripts', 'etcd-build.mjs')
  const stdio = /** @type {const} */ (['ignore', 'pipe', 'inherit'])
  const { status, stdout } = spawnSync(process.execPath, [script], { encoding: 'utf8', stdio })
  if (status !== 0) process.exit(status ?? 1)
  return stdout.trim()
}
