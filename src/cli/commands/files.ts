import type { Command } from 'commander'
import type { RestoredFiles } from '../../../events/nouns.ts'
import { showDocument } from '../print/file-states.ts'
import type { AddressOptions } from '../service/address.ts'
import { addServiceOptions, withService } from '../service/service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { printAnswer } from '../terminal/print-answer.ts'

interface FilesOptions extends AddressOptions {
  readonly json?: boolean
}

const EXAMPLES = `
Examples:
  kytos-settings files restore
  kytos-settings files restore kytos/link_discovery

A file that is missing without a removal, such as on a disk that is not mounted, is not written
again automatically.
"kytos-settings status" lists such files. For an intended removal, use "kytos-settings delete NAPP".`

/** Adds `files restore`, which writes missing readable files again. */
export function addFilesCommand(program: Command, context: CliContext): void {
  const files = program
    .command('files')
    .description('manage the readable files of the store')
    .addHelpText('after', EXAMPLES)
  addServiceOptions(files.command('restore'))
    .description('write missing readable files again')
    .argument('[napp]', 'only files of username/name, in all scopes, or of a namespace of boxes')
    .addHelpText('after', EXAMPLES)
    .action((namespace: string | undefined, _options, command: Command) => {
      const { json, ...options } = command.optsWithGlobals<FilesOptions>()
      return withService(options, context, async service => {
        const answer = await service.ask(
          'kytos.settings.restore_files',
          namespace === undefined ? {} : { namespace },
        )
        printAnswer(json, answer, () => printRestored(answer, namespace), context)
      })
    })
}

function printRestored({ restored, more = 0 }: RestoredFiles, namespace: string | undefined): string {
  if (restored.length === 0)
    return `No readable file${namespace === undefined ? '' : ` of ${namespace}`} is missing.\n`
  const lines = restored.map(name => `Restored the file of ${showDocument(name)}.\n`)
  return lines.join('') + (more > 0 ? `Further restored files: ${more}.\n` : '')
}
