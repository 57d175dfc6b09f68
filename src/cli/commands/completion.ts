import type { Command } from 'commander'
import { SettingsError } from '../../../model/errors.ts'
import { complete } from '../completion/complete.ts'
import { COMPLETION_SCRIPTS } from '../completion/completion-scripts.ts'
import type { CliContext } from '../terminal/cli-context.ts'

const SHELLS = new Intl.ListFormat('en', { type: 'disjunction' }).format(Object.keys(COMPLETION_SCRIPTS))
const EXAMPLES = `
Examples:
  source <(kytos-settings completion bash)                    in this shell; in ~/.bashrc for every shell
  kytos-settings completion zsh > ~/.zfunc/_kytos-settings    in a folder of $fpath
  source <(kytos-settings completion zsh)                     in this shell, after compinit
  kytos-settings completion fish > ~/.config/fish/completions/kytos-settings.fish

The service must be running: it provides the names of NApps and settings.`

/**
 * Adds `completion`, which prints the completion script of a shell, and the hidden command that the script
 * calls.
 */
export function addCompletionCommands(program: Command, context: CliContext): void {
  program
    .command('completion')
    .description('print the completion script of a shell: bash, zsh or fish')
    .argument('<shell>', SHELLS)
    .addHelpText('after', EXAMPLES)
    .action((shell: string) => {
      const script = Object.hasOwn(COMPLETION_SCRIPTS, shell) ? COMPLETION_SCRIPTS[shell] : undefined
      if (script === undefined)
        throw new SettingsError(
          'CONTENT_MALFORMED',
          `No completion exists for the shell ${JSON.stringify(shell)}: use ${SHELLS}.`,
        )
      context.stdout.write(script)
    })
  program
    .command('__complete', { hidden: true })
    .argument('[words...]', 'the words after the name of the program, up to the one to complete')
    .action(async (words: readonly string[]) => {
      for (const candidate of await complete(program, words, context)) context.stdout.write(`${candidate}\n`)
    })
}
