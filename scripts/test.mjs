// `npm test`: everything the tests need, then all of them. Further arguments go to vitest: `npm test --
// test/unit/host`.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { become, build, checkNode, fail, installPackages, PYTHON, root, runOrFail, say } from './prepare.mjs'

const TOOLS = [
  { command: 'etcd', debian: 'etcd-server' },
  { command: 'etcdctl', debian: 'etcd-client' },
  // Debian's own python3 cannot make the folder that packages are installed into.
  { command: 'python3', debian: 'python3-venv', probe: ['-c', 'import ensurepip'] },
  { command: 'openssl', debian: 'openssl' },
  { command: 'flock', debian: 'util-linux' },
  { command: 'cc', debian: 'build-essential' },
  { command: 'curl', debian: 'curl' },
  { command: 'jq', debian: 'jq' },
  { command: 'zsh', debian: 'zsh' },
]
const POLICY = '/usr/sbin/policy-rc.d'

checkNode()
installPackages()
installTools()
installPython()
build()
become(process.execPath, [
  join(root, 'node_modules', 'vitest', 'vitest.mjs'),
  'run',
  ...process.argv.slice(2),
])

/** Installs missing tools with apt on Debian as root; otherwise prints the packages to install. */
function installTools() {
  const absent = TOOLS.filter(tool => !isThere(tool))
  if (absent.length === 0) return
  const packages = absent.map(tool => tool.debian)
  if (process.getuid?.() === 0 && isOnPath('apt-get')) withoutDaemons(() => aptInstall(packages))
  const still = absent.filter(tool => !isThere(tool)).map(tool => `${tool.command} (${tool.debian})`)
  if (still.length > 0)
    fail(
      `The tests need ${still.join(', ')} on the PATH. On Debian or Ubuntu: sudo apt-get install ${packages.join(' ')}`,
    )
}

function aptInstall(packages) {
  say(`Installing ${packages.join(', ')} (apt-get) ...`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  // A list of packages that cannot be renewed may still be good enough.
  spawnSync('apt-get', ['update', '-q'], { stdio: 'inherit', env })
  runOrFail('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages], env)
}

/**
 * Debian starts a server as soon as it is installed, unless this file forbids it; the tests start their own
 * on free ports.
 */
function withoutDaemons(work) {
  if (existsSync(POLICY)) return work()
  writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  const restore = () => rmSync(POLICY, { force: true })
  process.once('exit', restore)
  work()
  restore()
}

/** Installs the Python packages of the tests into a folder of their own, unless exactly those are there. */
function installPython() {
  const wanted = join(root, 'test', 'python', 'requirements.txt')
  const folder = dirname(dirname(PYTHON))
  const mark = join(folder, 'installed.txt')
  const text = readFileSync(wanted, 'utf8')
  if (existsSync(mark) && readFileSync(mark, 'utf8') === text) return
  say('Installing the Python packages of the tests (pip) ...')
  runOrFail('python3', ['-m', 'venv', '--clear', folder])
  runOrFail(PYTHON, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', wanted])
  writeFileSync(mark, text)
}

function isThere({ command, probe }) {
  return isOnPath(command) && (!probe || spawnSync(command, probe, { stdio: 'ignore' }).status === 0)
}

function isOnPath(command) {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .some(folder => folder !== '' && existsSync(join(folder, command)))
}
