// `npm run test:bridge`: the Python package in bridge/ against a built service: ruff, mypy, its tests on several
// versions of Python, and a real kytosd from PyPI. Needs a build. The environments are made once and are kept in
// ${XDG_CACHE_HOME:-~/.cache}/kytos-settings/bridge.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fail, print, root, runOrFail } from './prepare.mjs'

const BRIDGE = join(root, 'bridge')
/** kytosd 2021.1 installs on these; from 3.10 on it needs the shim in bridge/kytosd_tests. */
const KYTOSD_PYTHONS = ['3.9', '3.8', '3.6', '3.11', '3.10']
const TOOL_PYTHONS = ['3.11', '3.12', '3.10', '3.9', '3.8']
/** The oldest and the newest supported version; one that this machine lacks is reported. */
const TESTED_PYTHONS = ['3.6', '3.13']
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'kytos-settings', 'bridge')

if (!existsSync(join(root, 'dist', 'src', 'main.js'))) fail('The package is not built: npm run build.')
const tools = environment('tools', TOOL_PYTHONS, readFileSync(join(BRIDGE, 'requirements-dev.txt'), 'utf8'))
const kytosd = environment(
  'kytosd',
  KYTOSD_PYTHONS,
  readFileSync(join(BRIDGE, 'kytosd_tests', 'requirements.txt'), 'utf8'),
)
runIn(tools, '-m', 'ruff', 'check', '--no-cache', '.')
runIn(tools, '-m', 'mypy', '--cache-dir', '/dev/null')
runIn(tools, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', 'tests')
for (const version of TESTED_PYTHONS) {
  const python = findPython([version])
  if (python === undefined) print(`Python ${version} is not installed: its tests did not run.`)
  else runIn(python, '-m', 'unittest', '-q', 'tests.test_websocket', 'tests.test_hook')
}
const scenarios = ['test_kytosd', 'test_events', 'test_install', 'test_secure'].map(
  name => `kytosd_tests.${name}`,
)
runIn(kytosd, '-m', 'unittest', '-v', ...scenarios)

/** Runs Python in bridge/ without a trace there. */
function runIn(python, ...args) {
  print(`bridge: ${python} ${args.join(' ')}`)
  // An option of the environment must not select other packages.
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1', PYTHONPATH: BRIDGE }
  const { status } = spawnSync(python, args, { cwd: BRIDGE, env, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

/** The Python of an environment with these packages, which is made when it is not there whole. */
function environment(name, versions, requirements) {
  const python = findPython(versions)
  if (python === undefined) return fail(`Install Python ${versions.join(' or ')} with venv.`)
  const digest = createHash('sha256').update(`${python}\n${requirements}`).digest('hex').slice(0, 12)
  const folder = join(cache, `${name}-${digest}`)
  const made = join(folder, 'bin', 'python')
  const mark = join(folder, 'whole')
  if (existsSync(mark)) return made
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'requirements.txt'), requirements)
  print(`bridge: making ${folder} ...`)
  runOrFail(python, ['-m', 'venv', folder])
  const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
  runOrFail(made, [...install, '-r', join(folder, 'requirements.txt')])
  writeFileSync(mark, '')
  return made
}

/** The first of these versions, on the PATH or among those of pyenv. */
function findPython(versions) {
  const pyenv = join(process.env.PYENV_ROOT || join(homedir(), '.pyenv'), 'versions')
  const installed = existsSync(pyenv) ? readdirSync(pyenv) : []
  for (const version of versions) {
    const own = installed.filter(one => one.startsWith(`${version}.`))
    const paths = [`python${version}`, ...own.map(one => join(pyenv, one, 'bin', 'python'))]
    const found = paths.find(path => spawnSync(path, ['-c', 'import venv'], { stdio: 'ignore' }).status === 0)
    if (found !== undefined) return found
  }
  return undefined
}
