import type { Command } from 'commander'
import { createBus } from '../../../events/bus.ts'
import { isSettingsError } from '../../../model/errors.ts'
import { type Config, findConfig, loadConfig } from '../../boot/config.ts'
import { createHost } from '../../host/host.ts'
import { createConsoleLog } from '../../log/console-log.ts'
import { createJsonLog } from '../../log/json-log.ts'
import type { Log } from '../../log/log.ts'
import { logProcessWarnings } from '../../log/process-warnings.ts'
import { serviceUrl } from '../service/address.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { importSettings, readImport } from './import-settings.ts'

interface StartOptions {
  readonly config?: string
  readonly import?: string
}

const EXAMPLES = `
Examples:
  kytos-settings start                with kytos.ini or kytos.conf of the current folder or /etc/kytos
  kytos-settings start -c kytos.ini --import settings.json

SIGTERM or SIGINT stops the service in order; a second signal stops it at once.`

/** Adds `start`, which runs until it is interrupted. */
export function addStartCommand(program: Command, context: CliContext, exit: (code: number) => void): void {
  program
    .command('start')
    .description('run the Settings service and every enabled NApp')
    .option(
      '--import <file>',
      'initial settings, {"<namespace>": {...}}; imported only into a store without overrides',
    )
    .addHelpText('after', EXAMPLES)
    .action(async (_options, command: Command) => {
      await start(command.optsWithGlobals<StartOptions>(), context)
      exit(0)
    })
}

/**
 * Runs host and NApps until an interruption.
 * @throws SettingsError the error of the start or of the import.
 */
async function start(options: StartOptions, context: CliContext): Promise<void> {
  // A user who starts the service trusts the file, wherever it was found.
  const config = await loadConfig(findConfig(options.config, context), { isNamed: true })
  const beginning = options.import === undefined ? undefined : await readImport(options.import, context.cwd)
  const log = createLog(config, context)
  const printWarnings = logProcessWarnings(log.child('node'))
  const bus = createBus({ log: log.child('bus'), hookDeadline: config.settings.hook_timeout * 1_000 })
  const host = createHost({ config, bus, log, env: context.env })
  context.interruption().addEventListener('abort', () => host.stop(), { once: true })
  try {
    await host.start()
    if (beginning) await importSettings(bus, beginning, log, host.stopping)
    if (!host.stopping.aborted) {
      log.info(`Started with ${config.file}. Running NApps: ${host.running.length}.`)
      context.ready(serviceUrl(config))
    }
    await host.stopped
  } catch (error) {
    if (!host.stopping.aborted || !isSettingsError(error, 'SERVICE_STOPPING')) throw error
    await host.stopped
  } finally {
    await host.stop()
    printWarnings()
  }
}

/** A text log on a terminal and a JSON log elsewhere, unless kytos.ini sets the format. */
function createLog({ settings: { log, controller } }: Config, { stderr, env }: CliContext): Log {
  const forPeople = log === 'auto' ? stderr.isTTY === true : log === 'text'
  return forPeople ? createConsoleLog(stderr, 'host', env) : createJsonLog(stderr, controller)
}
