// `npm test`: installs the requirements of the tests, then runs all of them. Further arguments are passed to
// vitest: `npm test -- test/unit/host`.
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import {
  build,
  CLIENT_TOOLS,
  checkNode,
  fail,
  installPackages,
  PYTHON,
  print,
  root,
  runInPlace,
  runOrFail,
} from './prepare.mjs'

const TOOLS = [
  { command: 'etcd', debian: 'etcd-server' },
  { command: 'etcdctl', debian: 'etcd-client' },
  // Debian's python3 alone cannot create a virtual environment.
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
installClientTools()
build()
runInPlace(process.execPath, [
  join(root, 'node_modules', 'vitest', 'vitest.mjs'),
  'run',
  ...process.argv.slice(2),
])

/** Installs missing tools with apt on Debian as root; otherwise prints the packages to install. */
function installTools() {
  const absent = TOOLS.filter(tool => !isInstalled(tool))
  if (absent.length === 0) return
  const packages = absent.map(tool => tool.debian)
  if (process.getuid?.() === 0 && isOnPath('apt-get')) withoutDaemons(() => aptInstall(packages))
  const still = absent.filter(tool => !isInstalled(tool)).map(tool => `${tool.command} (${tool.debian})`)
  if (still.length > 0)
    fail(
      `The tests need ${still.join(', ')} on the PATH. ` +
        `On Debian or Ubuntu: sudo apt-get install ${packages.join(' ')}`,
    )
}

function aptInstall(packages) {
  print(`Installing ${packages.join(', ')} (apt-get) ...`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  // A failure is ignored, because an old list of packages may be sufficient.
  spawnSync('apt-get', ['update', '-q'], { stdio: 'inherit', env })
  runOrFail('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages], env)
}

/**
 * Runs an installation with a policy file that keeps Debian from starting the installed servers; the tests
 * start their own on free ports.
 */
function withoutDaemons(work) {
  if (existsSync(POLICY)) return work()
  writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  const restore = () => rmSync(POLICY, { force: true })
  process.once('exit', restore)
  work()
  restore()
}

/** Installs the Python packages of the tests into their own folder, unless exactly those are installed. */
function installPython() {
  const wanted = join(root, 'test', 'python', 'requirements.txt')
  const folder = dirname(dirname(PYTHON))
  const mark = join(folder, 'installed.txt')
  const text = readFileSync(wanted, 'utf8')
  if (existsSync(mark) && readFileSync(mark, 'utf8') === text) return
  print('Installing the Python packages of the tests (pip) ...')
  runOrFail('python3', ['-m', 'venv', '--clear', folder])
  runOrFail(PYTHON, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', wanted])
  writeFileSync(mark, text)
}

/** Installs the generators of clients into their own folder, because they need another TypeScript. */
function installClientTools() {
  const source = join(root, 'test', 'openapi-clients')
  const mark = join(CLIENT_TOOLS, 'installed.json')
  const text = readFileSync(join(source, 'package-lock.json'), 'utf8')
  if (existsSync(mark) && readFileSync(mark, 'utf8') === text) return
  print('Installing the generators of clients (npm ci) ...')
  rmSync(CLIENT_TOOLS, { recursive: true, force: true })
  mkdirSync(CLIENT_TOOLS, { recursive: true })
  for (const name of ['package.json', 'package-lock.json'])
    copyFileSync(join(source, name), join(CLIENT_TOOLS, name))
  runOrFail('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts', '--prefix', CLIENT_TOOLS])
  writeFileSync(mark, text)
}

function isInstalled({ command, probe }) {
  return isOnPath(command) && (!probe || spawnSync(command, probe, { stdio: 'ignore' }).status === 0)
}

function isOnPath(command) {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .some(folder => folder !== '' && existsSync(join(folder, command)))
}
