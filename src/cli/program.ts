import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command, CommanderError } from 'commander'
import { parseJson } from '../../model/json.ts'
import { isObject } from '../../model/value.ts'
import { packageRoot } from '../host/package-root.ts'
import type { Console } from '../log/console-log.ts'
import { guardConsole } from '../log/guarded-console.ts'
import { calledIn, loadCommands } from './commands.ts'
import type { CliContext } from './terminal/cli-context.ts'
import { printError } from './terminal/print-error.ts'

const USAGE = 2
const EXAMPLES = `
Examples:
  kytos-settings start -c kytos.ini          run the service and every enabled NApp
  kytos-settings napps list                  installed and enabled NApps
  kytos-settings napps disable kytos/change_log
  kytos-settings list                        namespaces that have settings
  kytos-settings get kytos/link_discovery    effective settings
  kytos-settings set kytos/link_discovery polling_time=5 --dry-run
  kytos-settings watch                       changes as they happen
  kytos-settings token create ci --rights write
  kytos-settings import /etc/kytos/kytos.conf --dry-run
  kytos-settings backup settings.archive      also: restore, copy --from A.ini --to B.ini
  kytos-settings doctor                       problems and their repairs

Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 invalid, 5 conflict, 6 unreachable.`

/**
 * Runs one command line (without node and script) and returns its exit code; an error is one message on
 * stderr.
 */
export async function run(args: readonly string[], caller: CliContext): Promise<number> {
  const context = guardOutputs(caller, !args.includes('--no-trunc'))
  let exit = 0
  const program = createProgram(context)
  // After a command, --version is an option of that command.
  if (calledIn(args) === undefined) program.version(version(), '--version')
  for (const add of await loadCommands(args))
    add(program, context, code => {
      exit = code
    })
  try {
    await program.parseAsync([...args], { from: 'user' })
    return exit
  } catch (error) {
    // Commander has already printed its message.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE
    return printError(
      error,
      context.stderr,
      args.includes('--debug') || context.env.KYTOS_SETTINGS_DEBUG === '1',
    )
  }
}

/** The context of a command, all of whose output is guarded; tables are cut unless `isCut` is false. */
function guardOutputs(context: CliContext, isCut: boolean): CliContext {
  const { cwd, env, stdin, stdout, stderr } = context
  return {
    cwd,
    env,
    stdin,
    stdout: guardConsole(isCut ? stdout : uncut(stdout)),
    stderr: guardConsole(stderr),
    interruption: () => context.interruption(),
    ready: url => context.ready(url),
  }
}

/** A terminal whose lines have no limit. */
function uncut(out: Console): Console {
  return { isTTY: out.isTTY === true, columns: Number.POSITIVE_INFINITY, write: text => out.write(text) }
}

function createProgram(context: CliContext): Command {
  return new Command('kytos-settings')
    .description('One store for all settings of the Kytos SDN controller and its NApps.')
    .option(
      '-c, --config <file>',
      'kytos.ini to use; default: kytos.ini or kytos.conf in the current folder, then in /etc/kytos ($VIRTUAL_ENV/etc/kytos if set)',
    )
    .option('--no-trunc', 'do not cut long values to the width of the terminal')
    .option('--debug', 'print all causes of an error (or KYTOS_SETTINGS_DEBUG=1)')
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: text => context.stdout.write(text),
      writeErr: text => context.stderr.write(text),
    })
    .showHelpAfterError('Try --help.')
    .allowExcessArguments(false)
}

function version(): string {
  const manifest = parseJson(readFileSync(join(packageRoot(), 'package.json'), 'utf8'))
  return isObject(manifest) ? String(manifest.version) : 'unknown'
}
