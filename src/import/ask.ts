import type { AskOptions } from '../../events/ask.ts'
import type { CommandAnswer, CommandContent, CommandName } from '../../events/map.ts'

/** Asks a command of a service: of this process, or of another one over its bus. */
export type Ask = <N extends CommandName>(
  name: N,
  content: CommandContent<N>,
  options?: AskOptions,
) => Promise<CommandAnswer<N>>
