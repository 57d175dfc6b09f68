import { InvalidArgumentError } from 'commander'
import { showTime } from '../terminal/print-answer.ts'

/** A time in the past, and how it was understood. */
export interface TypedTime {
  readonly at: Date
  /** Such as `2026-11-27 03:00:00, yesterday`. */
  readonly shown: string
}

/** The forms of a TIME, for help and messages. */
export const TIME_FORMS = '2026-11-27T03:00:00Z, "2026-11-27 03:00", 03:00 (its last occurrence) or 2h (ago)'

const MS_PER = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const AGO = /^(\d{1,6})([smhd])(?: ago)?$/
const CLOCK = /^(\d\d?):(\d\d)(?::(\d\d))?$/
const DATE = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)?)?$/

/**
 * Parses a typed time. A form without a time zone is in that of this process; a date alone is its start.
 * @throws InvalidArgumentError for any other text, and for a time in the future.
 */
export function parseTime(text: string, now = new Date()): TypedTime {
  const at = read(text.trim(), now)
  if (!at || Number.isNaN(at.getTime())) throw new InvalidArgumentError(`Use a time such as ${TIME_FORMS}.`)
  if (at.getTime() > now.getTime())
    throw new InvalidArgumentError(`${showTime(at.toISOString())} is in the future: use a time in the past.`)
  return { at, shown: `${showTime(at.toISOString())}${dayOf(at, now)}` }
}

function read(text: string, now: Date): Date | undefined {
  const [, count, unit] = AGO.exec(text) ?? []
  // The pattern allows these units only.
  if (count !== undefined)
    return new Date(now.getTime() - Number(count) * MS_PER[(unit ?? 's') as keyof typeof MS_PER])
  const [isClock, hours, minutes, seconds = '0'] = CLOCK.exec(text) ?? []
  if (isClock !== undefined) return lastAt(Number(hours), Number(minutes), Number(seconds), now)
  if (!DATE.test(text)) return undefined
  // With a "T" and without a zone it is local time; a date alone would be UTC.
  const at = new Date(text.length === 10 ? `${text}T00:00` : text.replace(' ', 'T'))
  return isSameDate(at, text) ? at : undefined
}

/** The last time that clocks here showed this time of day. */
function lastAt(hours: number, minutes: number, seconds: number, now: Date): Date | undefined {
  if (hours > 23 || minutes > 59 || seconds > 59) return undefined
  const at = new Date(now)
  at.setHours(hours, minutes, seconds, 0)
  if (at.getTime() > now.getTime()) at.setDate(at.getDate() - 1)
  return at
}

/** False for a day that its month does not have, which Date turns into one of the next month. */
function isSameDate(at: Date, text: string): boolean {
  if (Number.isNaN(at.getTime())) return false
  if (/(?:Z|[+-]\d\d:\d\d)$/.test(text) && text.length > 10) {
    const day = new Date(`${text.slice(0, 10)}T00:00:00Z`)
    return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text.slice(0, 10))
  }
  return showTime(at.toISOString()).startsWith(text.slice(0, 10))
}

function dayOf(at: Date, now: Date): string {
  const day = (date: Date): string => showTime(date.toISOString()).slice(0, 10)
  if (day(at) === day(now)) return ', today'
  const yesterday = new Date(now)
  yesterday.setDate(yesterday.getDate() - 1)
  return day(at) === day(yesterday) ? ', yesterday' : ''
}
