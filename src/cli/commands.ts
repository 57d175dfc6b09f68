import type { Command } from 'commander'
import type { CliContext } from './terminal/cli-context.ts'

/** Adds commands to the program; `exit` sets the exit code of a command that neither succeeds nor throws. */
export type AddCommand = (program: Command, context: CliContext, exit: (code: number) => void) => void

interface CommandModule {
  readonly names: readonly string[]
  readonly load: () => Promise<AddCommand>
}

/**
 * Every command, in the order of the help. Each is loaded on demand, because loading all takes longer than
 * running most of them.
 */
const COMMANDS: readonly CommandModule[] = [
  { names: ['start'], load: async () => (await import('./commands/start.ts')).addStartCommand },
  { names: ['napps'], load: async () => (await import('./commands/napps.ts')).addNAppsCommand },
  { names: ['bridge'], load: async () => (await import('./bridge/bridge.ts')).addBridgeCommand },
  { names: ['status'], load: async () => (await import('./commands/status.ts')).addStatusCommand },
  {
    names: ['controllers'],
    load: async () => (await import('./commands/controllers.ts')).addControllersCommand,
  },
  { names: ['list'], load: async () => (await import('./commands/list.ts')).addListCommand },
  { names: ['get'], load: async () => (await import('./commands/get.ts')).addGetCommand },
  { names: ['set', 'unset'], load: async () => (await import('./commands/set.ts')).addSetCommands },
  { names: ['promote'], load: async () => (await import('./commands/promote.ts')).addPromoteCommand },
  { names: ['delete'], load: async () => (await import('./commands/delete.ts')).addDeleteCommand },
  { names: ['files'], load: async () => (await import('./commands/files.ts')).addFilesCommand },
  { names: ['edit'], load: async () => (await import('./commands/edit.ts')).addEditCommand },
  { names: ['explain'], load: async () => (await import('./commands/explain.ts')).addExplainCommand },
  {
    names: ['describe', 'schema'],
    load: async () => (await import('./commands/describe.ts')).addDescribeCommands,
  },
  {
    names: ['confirm', 'cancel'],
    load: async () => (await import('./undo/confirm.ts')).addConfirmCommands,
  },
  { names: ['watch'], load: async () => (await import('./commands/watch.ts')).addWatchCommand },
  { names: ['history'], load: async () => (await import('./undo/history.ts')).addHistoryCommand },
  { names: ['diff'], load: async () => (await import('./undo/diff.ts')).addDiffCommand },
  { names: ['audit'], load: async () => (await import('./undo/audit.ts')).addAuditCommand },
  { names: ['rollback'], load: async () => (await import('./undo/rollback.ts')).addRollbackCommand },
  { names: ['apply'], load: async () => (await import('./commands/apply.ts')).addApplyCommand },
  { names: ['token'], load: async () => (await import('./commands/token.ts')).addTokenCommand },
  { names: ['key'], load: async () => (await import('./keys/key.ts')).addKeyCommand },
  { names: ['reseal'], load: async () => (await import('./keys/reseal.ts')).addResealCommand },
  { names: ['copy'], load: async () => (await import('./commands/copy.ts')).addCopyCommand },
  { names: ['import'], load: async () => (await import('./commands/import.ts')).addImportCommand },
  { names: ['export'], load: async () => (await import('./commands/export.ts')).addExportCommand },
  {
    names: ['backup', 'restore'],
    load: async () => (await import('./commands/backup.ts')).addBackupCommands,
  },
  { names: ['doctor'], load: async () => (await import('./commands/doctor.ts')).addDoctorCommand },
  {
    names: ['completion'],
    load: async () => (await import('./commands/completion.ts')).addCompletionCommands,
  },
]

/** Loads the command that a command line calls, or all commands if it calls none. */
export async function loadCommands(args: readonly string[]): Promise<readonly AddCommand[]> {
  const name = calledIn(args)
  const called = COMMANDS.filter(({ names }) => name !== undefined && names.includes(name))
  return Promise.all((called.length > 0 ? called : COMMANDS).map(({ load }) => load()))
}

/** The first word other than an option of the program or its value: the command that is called. */
export function calledIn(args: readonly string[]): string | undefined {
  const rest = [...args]
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (!word.startsWith('-')) return word
    if (word === '-c' || word === '--config') rest.shift()
  }
  return undefined
}
