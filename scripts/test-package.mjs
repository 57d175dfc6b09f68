// `npm run test:package`: packs the package and installs it globally on each supported version of Node, with
// --engine-strict, as its README describes. There the service starts with a new NApp, and stops.
import { fork, spawnSync } from 'node:child_process'
import { appendFileSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fail, print, root } from './prepare.mjs'

const VERSIONS = process.argv.length > 2 ? process.argv.slice(2) : ['20.19', '22', '24']
const START_TIMEOUT_MS = 30_000

const folder = mkdtempSync(join(tmpdir(), 'kytos-package-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

const tarball = join(
  folder,
  output('npm', ['pack', '--silent', '--pack-destination', folder]).split('\n').at(-1),
)
for (const version of VERSIONS) await tryOn(version)

/** Installs and uses the package on one version of Node. */
async function tryOn(version) {
  const nodePackage = `node-${process.platform}-${process.arch}@${version}`
  const node = output('npm', [
    'exec',
    '--yes',
    `--package=${nodePackage}`,
    '--',
    'node',
    '-p',
    'process.execPath',
  ])
  const home = join(folder, version)
  const env = { ...process.env, PATH: [dirname(node), process.env.PATH].join(delimiter) }
  const prefix = ['--prefix', home]
  const npm = output('sh', ['-c', 'command -v npm'])
  output(
    node,
    [npm, 'install', '--global', '--engine-strict', '--no-fund', '--no-audit', ...prefix, tarball],
    env,
  )
  const installed = join(home, 'lib', 'node_modules', 'kytos-settings')
  const command = join(home, 'bin', 'kytos-settings')
  const run = (...args) => output(node, [command, ...args], env, home)

  cpSync(join(installed, 'kytos.example.ini'), join(home, 'kytos.ini'))
  const ini = join(home, 'kytos.ini')
  writeFileSync(
    ini,
    readFileSync(ini, 'utf8').replace('8181', '0').replace('[settings]\n', '[settings]\nlog = text\n'),
  )
  run('napps', 'create', 'me/mine')
  run('napps', 'install', 'me/mine')
  const lines = await startAndStop(node, command, home)
  for (const expected of ['Started me/mine 0.1.0.', 'Stopped kytos/settings.'])
    if (!lines.includes(expected)) fail(`Node ${version}: the service did not print "${expected}":\n${lines}`)
  print(`Node ${output(node, ['--version'])}: kytos-settings ${run('--version')} is installed and runs.`)
}

/** What the service prints until it is ready and stopped again. */
async function startAndStop(execPath, command, cwd) {
  const log = join(cwd, 'log')
  const child = fork(command, ['start'], { cwd, execPath, execArgv: [], silent: true })
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', chunk => appendFileSync(log, chunk))
  const timer = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS)
  child.once('message', () => child.kill('SIGTERM'))
  const code = await new Promise(resolve => child.once('close', resolve))
  clearTimeout(timer)
  const text = existsSync(log) ? readFileSync(log, 'utf8') : ''
  if (code !== 0) fail(`The service ended with ${code}:\n${text}`)
  return text
}

/** The output of a command that must succeed. */
function output(command, args, env = process.env, cwd = root) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, env, encoding: 'utf8' })
  if (error || status !== 0) fail(`${command} ${args.join(' ')} failed: ${error?.message ?? stderr}`)
  return stdout.trim()
}
