import { printJson } from '../../model/json.ts'
import type { Json } from '../../model/value.ts'

/** What became of a thing that was to be imported, or with a dry run would: `same` was there already. */
export type Action = 'new' | 'changed' | 'same' | 'skipped'

/** One thing of a file. */
export interface ReportItem {
  readonly action: Action
  /** A setting, a box, or the file itself (or a part of it) that could not be read. */
  readonly kind: 'setting' | 'box' | 'file'
  readonly file: string
  readonly line?: number
  readonly namespace?: string
  /** Of the setting, or of the box. */
  readonly name?: string
  /** Of a setting: it became a default of the schema, or an override. */
  readonly layer?: 'default' | 'override'
  /** Why it was skipped, or what is to be known of it. */
  readonly reason?: string
  /** Of a setting that is no secret. */
  readonly old?: Json
  readonly new?: Json
}

export interface ImportReport {
  readonly dry_run: boolean
  readonly items: readonly ReportItem[]
  readonly counts: Readonly<Record<Action, number>>
}

const LONGEST_VALUE = 60

/** A value on one line, cut where it is long. */
export function showBriefly(value: Json): string {
  const text = printJson(value)
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE - 3)}...` : text
}

export function createReport(items: readonly ReportItem[], dryRun: boolean): ImportReport {
  const counts = { new: 0, changed: 0, same: 0, skipped: 0 }
  for (const { action } of items) counts[action]++
  return { dry_run: dryRun, items, counts }
}
