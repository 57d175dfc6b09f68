// Prepares a fresh clone for `npm start` and `npm test`: checks Node, installs the packages, builds.
// Uses only Node itself, because no package is installed yet.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
/** Python with the packages that the tests need. */
export const PYTHON = join(root, 'node_modules', '.cache', 'python', 'bin', 'python3')
/** The folder with the generators of clients that the tests run. */
export const CLIENT_TOOLS = join(root, 'node_modules', '.cache', 'openapi-clients')
const PING_TIMEOUT_MS = 10_000
const NETWORK_ERROR =
  /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|FETCH_ERROR|ERR_SOCKET_TIMEOUT)\b/
const SOURCES = [
  'model',
  'events',
  'backends',
  'conformance',
  'src',
  'scripts/finish-build.mjs',
  'tsconfig.json',
  'tsconfig.build.json',
  'package-lock.json',
]

/** Ends the process unless this is Node 20.19 or newer. */
export function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19))
    fail(`Node ${process.versions.node} is too old. Install Node 20.19 or newer: https://nodejs.org`)
}

/** Installs the packages of the lock file when they are absent or older than it. */
export function installPackages() {
  const mark = join(root, 'node_modules', '.package-lock.json')
  if (existsSync(mark) && statSync(mark).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs) return
  print('Installing the packages (npm ci) ...')
  const reason = registryFailure()
  if (reason === undefined) return runOrFail('npm', ['ci'])
  // The cache of npm may contain all of them.
  const { status } = spawnSync('npm', ['ci', '--offline'], { cwd: root, stdio: 'ignore' })
  if (status === 0) return
  fail(
    `The packages are not installed, and the registry of npm cannot be reached (${reason}). ` +
      'Connect this machine to the network and repeat the command; it is needed for the first start only. ' +
      'Behind a proxy: npm config set https-proxy URL. With another registry: npm config set registry URL.',
  )
}

/** The network error of a single request to the registry, or undefined if it answers. */
function registryFailure() {
  const args = ['ping', '--fetch-retries=0', `--fetch-timeout=${PING_TIMEOUT_MS}`]
  const { stderr, error } = spawnSync('npm', args, {
    cwd: root,
    encoding: 'utf8',
    timeout: 2 * PING_TIMEOUT_MS,
  })
  if (error) return 'code' in error && error.code === 'ETIMEDOUT' ? 'ETIMEDOUT' : undefined
  return NETWORK_ERROR.exec(stderr)?.[1]
}

/** Builds unless the build is up to date. */
export function build() {
  if (isBuilt()) return
  print('Building ...')
  runOrFail('npm', ['run', '--silent', 'build'])
}

/** True when there is a complete build that is not older than its sources. */
export function isBuilt() {
  const mark = join(root, 'dist', '.complete')
  const built = existsSync(mark) ? statSync(mark).mtimeMs : 0
  return SOURCES.every(source => newest(join(root, source)) <= built)
}

/** Runs a command to its end with shared output; a failed command ends this process with the same code. */
export function runOrFail(command, args, env = process.env) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env })
  if (error) fail(`${command} cannot be run: ${error.message}`)
  if (status !== 0) process.exit(status ?? 1)
}

/**
 * Runs a long-lived command in place of this process: it receives each signal once, and its exit code is
 * returned. With `listen` the command has an IPC channel, whose messages are passed to `listen`.
 */
export function runInPlace(command, args, listen) {
  // In its own process group, because a Ctrl-C would otherwise reach it twice: from the terminal and from
  // this process.
  const child = spawn(command, args, {
    cwd: root,
    detached: true,
    stdio: listen ? ['inherit', 'inherit', 'inherit', 'ipc'] : 'inherit',
  })
  if (listen) child.on('message', listen)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', error => fail(`${command} cannot be run: ${error.message}`))
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)))
}

export function print(message) {
  process.stderr.write(`${message}\n`)
}

export function fail(message) {
  print(message)
  process.exit(1)
}

function newest(path) {
  const found = statSync(path)
  if (!found.isDirectory()) return found.mtimeMs
  return Math.max(found.mtimeMs, ...readdirSync(path).map(name => newest(join(path, name))))
}
