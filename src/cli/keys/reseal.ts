import type { Command } from 'commander'
import type { ResealResult } from '../../../events/commands/secrets-commands.ts'
import type { AddressOptions } from '../service/address.ts'
import { addServiceOptions, withService } from '../service/service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { counted } from '../terminal/counted.ts'
import { printAnswer } from '../terminal/print-answer.ts'
import { createProgressBar } from '../terminal/progress-bar.ts'

interface ResealOptions extends AddressOptions {
  readonly json?: boolean
}

const EXAMPLES = `
Examples:
  kytos-settings key rotate
  kytos-settings reseal
  kytos-settings reseal kytos/link_discovery

A service does this by itself after its start. This command does it now, and reports the
numbers. It may be stopped and repeated: secrets with the newest key are left as they are.`

/** Adds `reseal`, which seals the secrets of the store with the newest key. */
export function addResealCommand(program: Command, context: CliContext): void {
  addServiceOptions(program.command('reseal'))
    .description('seal secrets and their history with the newest key')
    .argument('[napp]', 'only secrets of username/name')
    .addHelpText('after', EXAMPLES)
    .action((napp: string | undefined, _options, command: Command) => {
      const { json, ...options } = command.optsWithGlobals<ResealOptions>()
      return withService(options, context, async service => {
        const namespaces =
          napp === undefined
            ? (await service.ask('kytos.settings.list', {})).map(({ namespace }) => namespace)
            : [napp]
        const progress = createProgressBar(context.stderr, 'resealed')
        const results: ResealResult[] = []
        try {
          for (const namespace of namespaces) {
            results.push(await service.ask('kytos.settings.reseal', { namespace }))
            progress.show(results.length, namespaces.length)
          }
        } finally {
          progress.end()
        }
        printAnswer(json, results, () => describe(results), context)
      })
    })
}

function describe(results: readonly ResealResult[]): string {
  const changed = results.filter(({ documents, records, left }) => documents + records + left > 0)
  const lines = changed.map(({ namespace, documents, records, left }) => {
    const rest = left === 0 ? '' : `, ${left} left for the service because of other changes`
    return `${namespace}: ${counted(documents, 'document')} and ${counted(records, 'record')} of its history sealed${rest}\n`
  })
  return lines.length > 0 ? lines.join('') : 'All secrets are sealed with the newest key.\n'
}
