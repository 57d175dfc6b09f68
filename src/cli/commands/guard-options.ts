import { type Command, InvalidArgumentError } from 'commander'

/** What the options of {@link addGuardOptions} give. */
export interface GuardOptions {
  readonly scope?: string
  readonly comment?: string
  readonly ifRevision?: string
}

/** Adds what every command takes that changes the overrides of a NApp. */
export function addGuardOptions(command: Command): Command {
  return command
    .option('--scope <scope>', 'whose overrides: cluster, controller (that of the service) or controller:ID', 'cluster')
    .option('--comment <text>', 'why, for the history')
    .option('--if-revision <revision>', 'only if the NApp is still at this revision', parseRevisionText)
}

function parseRevisionText(text: string): string {
  if (/^\d{1,40}$/.test(text)) return text
  throw new InvalidArgumentError('It is a revision as "list" and "get --json" show it, such as 42.')
}
