import { type Command, InvalidArgumentError } from 'commander'
import { parseExpectedRevision } from '../../../model/expected-revision.ts'

/** Values of the options that {@link addGuardOptions} adds. */
export interface GuardOptions {
  readonly scope?: string
  readonly comment?: string
  readonly ifRevision?: string
}

/** Adds the options of every command that changes the overrides of a NApp. */
export function addGuardOptions(command: Command): Command {
  return command
    .option(
      '-s, --scope <scope>',
      'scope of the overrides: cluster, controller (the one of the service) or controller:ID',
      'cluster',
    )
    .option('-m, --comment <text>', 'reason of the change, for the history')
    .option(
      '--if-revision <revision>',
      'reject the change unless the NApp is still at this revision',
      parseRevisionText,
    )
}

function parseRevisionText(text: string): string {
  if (parseExpectedRevision(text)) return text
  throw new InvalidArgumentError(
    'Use a revision from "kytos-settings list" or "get --json", such as 42, or EPOCH.REVISION.',
  )
}
