import { type Command, InvalidArgumentError } from 'commander'
import { MAX_CONFIRM_SECONDS, MIN_CONFIRM_SECONDS } from '../../../model/document.ts'

/** The value of the option that {@link addConfirmOption} adds, in seconds. */
export interface ConfirmOptions {
  readonly confirmWithin?: number
}

const SECONDS = { s: 1, m: 60, h: 3_600 } as const

/** Adds the option of a change that is rolled back unless it is confirmed in time. */
export function addConfirmOption(command: Command): Command {
  return command.option(
    '--confirm-within <time>',
    'roll the change back unless it is confirmed in time, such as 90s, 5m or 1h',
    parseTime,
  )
}

/** The field of a change; none without the option. */
export function confirmField(seconds: number | undefined): { readonly confirm_within?: number } {
  return seconds === undefined ? {} : { confirm_within: seconds }
}

function parseTime(text: string): number {
  const [, count = '', unit = 's'] = /^(\d{1,6})([smh])?$/.exec(text) ?? []
  const seconds = count === '' ? 0 : Number(count) * SECONDS[unit as keyof typeof SECONDS]
  if (seconds >= MIN_CONFIRM_SECONDS && seconds <= MAX_CONFIRM_SECONDS) return seconds
  throw new InvalidArgumentError('Use a time from 2s to 24h, such as 90s, 5m or 1h.')
}
