import type { Command } from 'commander'
import { printJson } from '../../../model/json.ts'
import { toJson } from '../../../model/value.ts'
import type { Examination } from '../../doctor/finding.ts'
import type { Severity } from '../../doctor/findings.ts'
import { ownSequence } from '../../log/console-log.ts'
import type { CliContext } from '../terminal/cli-context.ts'

const EXAMPLES = `
Examples:
  kytos-settings doctor
  kytos-settings doctor -c /etc/kytos/kytos.ini --json

It changes nothing, and needs no running service. Run it as the user of the service.
Exit codes: 0 without a "broken" finding (warnings and hints are possible), 1 otherwise.`

const COLOURS: Readonly<Record<Severity, string>> = {
  broken: '\x1b[31m',
  warning: '\x1b[33m',
  hint: '\x1b[36m',
}
const RESET = '\x1b[0m'
const ORDER: readonly Severity[] = ['broken', 'warning', 'hint']

/** Adds `doctor`, which checks an installation and prints a repair for each finding. */
export function addDoctorCommand(program: Command, context: CliContext, exit: (code: number) => void): void {
  program
    .command('doctor')
    .description('check configuration, store, service and NApps, and print a repair for each finding')
    .option('-j, --json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (_options, command: Command) => {
      const { config, json = false } = command.optsWithGlobals<{
        readonly config?: string
        readonly json?: boolean
      }>()
      const { examine } = await import('../../doctor/examine.ts')
      const parts = await examine(config, context)
      context.stdout.write(json ? printJsonReport(parts) : printTextReport(parts, context))
      exit(isHealthy(parts) ? 0 : 1)
    })
}

function isHealthy(parts: readonly Examination[]): boolean {
  return !parts.some(({ findings }) => findings.some(({ severity }) => severity === 'broken'))
}

function printJsonReport(parts: readonly Examination[]): string {
  const findings = parts.flatMap(part => part.findings)
  const unknown = parts.flatMap(part => part.unknown ?? [])
  return `${printJson(toJson({ healthy: isHealthy(parts), examined: parts.map(({ part }) => part), findings, unknown }), 2)}\n`
}

function printTextReport(parts: readonly Examination[], { stdout, env }: CliContext): string {
  const coloured = stdout.isTTY === true && !env.NO_COLOR
  const styled = (severity: Severity): string =>
    coloured ? `${ownSequence(stdout, COLOURS[severity])}${severity}${ownSequence(stdout, RESET)}` : severity
  const lines = parts.flatMap(({ part, findings, unknown = [] }) => [
    `${findings.length + unknown.length === 0 ? 'ok  ' : '    '}  ${part}`,
    ...ORDER.flatMap(severity =>
      findings
        .filter(finding => finding.severity === severity)
        .flatMap(({ where, what, repair }) => [
          `  ${styled(severity)}  ${indent(`${where}: ${what}`)}`,
          `    -> ${indent(repair)}`,
        ]),
    ),
    ...unknown.map(what => `  unknown  ${indent(what)}`),
  ])
  const all = parts.flatMap(({ findings }) => findings)
  const counts = ORDER.map(
    severity => `${all.filter(finding => finding.severity === severity).length} ${severity}`,
  )
  return `${lines.join('\n')}\n\n${counts.join(', ')}.\n`
}

/** The further lines of a text indented, so that no name forges a finding. */
function indent(text: string): string {
  return text.replaceAll(/\r?\n/g, '\n       ')
}
