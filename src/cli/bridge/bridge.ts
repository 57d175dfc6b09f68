import { rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { SettingsError, toSettingsError } from '../../../model/errors.ts'
import { hasCode, reasonOf } from '../../../model/failure.ts'
import { shellWord } from '../../../model/quote.ts'
import { bridgeFileOf, readBridgeFile, writeBridgeFile } from '../../bridge/bridge-file.ts'
import { askController, type RunningBridge } from '../../bridge/controller.ts'
import { type Kytosd, readKytosd } from '../../bridge/kytosd.ts'
import { hasOtherNApps, isLinked, linkSettingsNApp, unlinkSettingsNApp } from '../../bridge/napp-link.ts'
import { copyPackage, findPackage, removePackage } from '../../bridge/package-copy.ts'
import { findPython } from '../../bridge/python.ts'
import { type AddressOptions, findAddress } from '../service/address.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { printAnswer } from '../terminal/print-answer.ts'
import { printMessage } from '../terminal/print-error.ts'

interface BridgeOptions extends AddressOptions {
  readonly python?: string
  readonly ca?: string
  readonly json?: boolean
}

const FILE = '[kytos.conf]'
const FILE_HELP = 'the kytos.conf of kytosd; default: etc/kytos/kytos.conf below VIRTUAL_ENV or /'
const EXAMPLES = `
Examples:
  kytos-settings bridge install /etc/kytos/kytos.conf --url http://127.0.0.1:8282
  kytos-settings bridge status /etc/kytos/kytos.conf
  kytos-settings bridge uninstall /etc/kytos/kytos.conf

"install" copies the Python package into the Python of kytosd, writes kytos-settings.json
beside its kytos.conf, and enables the NApp kytos/settings. Restart kytosd afterwards.
No network and no pip is needed. "install" may be repeated, also to update the package.
The package is shared by every kytosd of the same Python.`
const CACHE_REMARK =
  'The cache of settings in ~/.cache/kytos-settings of its user is no longer used and may be deleted.\n'

/** Adds `bridge install|uninstall|status`: the Python package for a kytosd on this host. */
export function addBridgeCommand(program: Command, context: CliContext, exit: (code: number) => void): void {
  const bridge = program
    .command('bridge')
    .description('set up live settings of Python NApps in a kytosd on this host')
    .addHelpText('after', EXAMPLES)
  bridge
    .command('install')
    .description('install the package, its configuration and the NApp kytos/settings for a kytosd')
    .argument(FILE, FILE_HELP)
    .option('-u, --url <address>', 'address of the service; default: the one of this host')
    .option('--token-file <file>', 'file with the API token, which kytosd can read')
    .option('--ca <file>', 'PEM file of the authority that signed the certificate of the service')
    .option('--python <file>', 'the Python that runs kytosd; default: that of the script kytosd')
    .action((file: string | undefined, _options, command: Command) =>
      install(file, command.optsWithGlobals<BridgeOptions>(), context),
    )
  bridge
    .command('uninstall')
    .description('remove everything that "install" created')
    .argument(FILE, FILE_HELP)
    .action((file: string | undefined, _options, command: Command) =>
      uninstall(file, command.optsWithGlobals<BridgeOptions>(), context),
    )
  bridge
    .command('status')
    .description('show the installation, and the bridge of the running kytosd')
    .argument(FILE, FILE_HELP)
    .option('-j, --json', 'print JSON')
    .action((file: string | undefined, { json }: BridgeOptions) => status(file, json, context, exit))
}

async function install(file: string | undefined, options: BridgeOptions, context: CliContext): Promise<void> {
  const kytosd = await read(file, context)
  const before = await readBridgeFile(kytosd.conf)
  const python = await findPython(options.python ?? before?.python, kytosd, context.env)
  const { url } = (await findAddress(options, context)).address
  if (url === kytosd.url) {
    // Without a kytos.ini, the kytos.conf of kytosd is found as that of a service.
    const message = `${url} is the address of kytosd itself, not of the service. Name the service: --url ADDRESS.`
    throw new SettingsError('CONFIG_INVALID', message, { details: { url } })
  }
  const made = await translated(kytosd.napps, () => linkSettingsNApp(kytosd.napps))
  await translated(bridgeFileOf(kytosd.conf), () =>
    writeBridgeFile(kytosd.conf, {
      url,
      ...(options.tokenFile !== undefined && { token_file: resolve(context.cwd, options.tokenFile) }),
      ...(options.ca !== undefined && { ca: resolve(context.cwd, options.ca) }),
      python: python.executable,
      made: [...(before?.made ?? []), ...made.filter(path => !before?.made.includes(path))],
    }),
  )
  const found = await findPackage(python.packages)
  if (found && !found.isOwn)
    printMessage(context.stderr, `The package ${found.version} in ${python.packages} is pip's: it stays.`)
  else await translated(python.packages, () => copyPackage(python.packages))
  context.stdout.write(
    `The bridge is installed for ${kytosd.conf}: Python ${python.version}, service ${url}.\nRestart kytosd: ${howToStart(kytosd)}\n`,
  )
}

async function uninstall(
  file: string | undefined,
  options: BridgeOptions,
  context: CliContext,
): Promise<void> {
  const kytosd = await read(file, context)
  const installed = await readBridgeFile(kytosd.conf)
  if (!installed) {
    context.stdout.write(`No bridge is installed for ${kytosd.conf}.\n`)
    return
  }
  const python = await findPython(installed.python, kytosd, context.env).catch(error =>
    // A Python that no longer exists has no packages to remove.
    printMessage(context.stderr, toSettingsError(error).message),
  )
  if (python) await translated(python.packages, () => removePackage(python.packages))
  if (await isTreeOfService(kytosd, options, context))
    printMessage(context.stderr, `kytos/settings stays enabled in ${kytosd.napps}: the service uses it too.`)
  else await translated(kytosd.napps, () => unlinkSettingsNApp(installed.made))
  await translated(bridgeFileOf(kytosd.conf), () => rm(bridgeFileOf(kytosd.conf)))
  if (python && (await findPackage(python.packages)))
    printMessage(context.stderr, 'pip installed the package: "pip uninstall kytos-settings" removes it.')
  context.stdout.write(`The bridge of ${kytosd.conf} is removed. Restart kytosd.\n${CACHE_REMARK}`)
}

/** True for the folder of NApps of the service on this host, or one with NApps that only a service runs. */
async function isTreeOfService(
  { conf, isOfService, napps }: Kytosd,
  options: BridgeOptions,
  context: CliContext,
): Promise<boolean> {
  const { config } = await findAddress(options, context)
  // Without its own file, a service is configured by the kytos.conf of kytosd.
  const isConfigured = isOfService || (config !== undefined && config.file !== conf)
  return (isConfigured && config?.daemon.napps === napps) || (await hasOtherNApps(napps))
}

async function status(
  file: string | undefined,
  json: boolean | undefined,
  context: CliContext,
  exit: (code: number) => void,
): Promise<void> {
  const kytosd = await read(file, context)
  const installed = await readBridgeFile(kytosd.conf)
  const python = installed && (await findPython(installed.python, kytosd, context.env))
  const found = python && (await findPackage(python.packages))
  const running = await askController(kytosd.url)
  const answer: BridgeStatus = {
    kytos_conf: kytosd.conf,
    package: found?.version ?? null,
    service: installed?.url ?? null,
    napp: await isLinked(kytosd.napps),
    running,
  }
  printAnswer(json, answer, () => describe(answer, kytosd.url), context)
  exit(found && answer.napp && running.kytosd === 'running' && running.hook ? 0 : 1)
}

interface BridgeStatus {
  readonly kytos_conf: string
  readonly package: string | null
  readonly service: string | null
  readonly napp: boolean
  readonly running: RunningBridge
}

function describe({ package: version, service, napp, running }: BridgeStatus, url: string): string {
  const rows = [
    ['package', version ?? 'not installed'],
    ['service', service ?? 'not configured'],
    ['kytos/settings', napp ? 'enabled' : 'not enabled'],
    ['kytosd', describeRunning(running, url)],
  ]
  return rows.map(([name = '', value]) => `${name.padEnd(16)}${value}\n`).join('')
}

function describeRunning({ kytosd, hook, connected, source }: RunningBridge, url: string): string {
  if (kytosd === 'stopped') return `does not answer at ${url}`
  if (kytosd === 'absent') return `runs at ${url} without the bridge: restart it`
  if (!hook) return `runs at ${url}, but the import hook is not in place: restart it`
  const overrides = source === 'none' ? 'no overrides were read' : `overrides were read from the ${source}`
  return `runs at ${url}; the import hook is in place, ${overrides}, ${connected ? 'connected' : 'not connected'}`
}

async function read(file: string | undefined, { cwd, env }: CliContext): Promise<Kytosd> {
  return readKytosd(resolve(cwd, file ?? join(env.VIRTUAL_ENV || '/', 'etc/kytos/kytos.conf')))
}

function howToStart({ conf, base }: Kytosd): string {
  if (base === '/') return 'kytosd'
  if (base !== undefined) return `VIRTUAL_ENV=${shellWord(base)} kytosd`
  return `KYTOS_SETTINGS_CONFIG=${shellWord(bridgeFileOf(conf))} kytosd`
}

/** Runs `work`; a failure of the file system names the path and the remedy. */
async function translated<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (!hasCode(cause, 'EACCES', 'EPERM', 'EROFS', 'ENOSPC')) throw toSettingsError(cause)
    const message = `${path} cannot be changed: ${reasonOf(cause)}. Run this command as the owner of that folder.`
    throw new SettingsError('CONFIG_INVALID', message, { cause, details: { path } })
  }
}
