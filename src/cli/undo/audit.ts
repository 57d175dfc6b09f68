import { setTimeout as sleep } from 'node:timers/promises'
import { type Command, InvalidArgumentError } from 'commander'
import type { AuditEntry, AuditPage } from '../../../events/history-nouns.ts'
import { isSettingsError, toSettingsError } from '../../../model/errors.ts'
import { printJson } from '../../../model/json.ts'
import { toJson } from '../../../model/value.ts'
import { showDifference } from '../print/show-difference.ts'
import type { AddressOptions } from '../service/address.ts'
import { addServiceOptions, type Service, withService } from '../service/service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { parseCount } from '../terminal/parse-count.ts'
import { showTime } from '../terminal/print-answer.ts'
import { printMessage } from '../terminal/print-error.ts'
import { type Cell, printTable } from '../terminal/table.ts'
import { createTerminal, type Terminal } from '../terminal/terminal.ts'
import { parseTime, TIME_FORMS } from './parse-time.ts'
import { printAuthor, printPlace } from './standing.ts'

interface AuditOptions extends AddressOptions {
  readonly json?: boolean
  readonly since?: AuditStart
  readonly limit?: number
  readonly follow?: boolean
}

/** The start of the audit: a cursor, or a time. */
type AuditStart = { readonly after: string } | { readonly from: string }

/** The entries of one request. */
const PAGE_ENTRIES = 500
/** The time between two requests of `--follow`. */
const POLL_MS = 1_000

const STYLES: { readonly [Kind in AuditEntry['kind']]?: 'red' | 'green' | 'yellow' } = {
  ...{ created: 'green', deleted: 'red', confirmed: 'green' },
  ...{ cancelled: 'yellow', expired: 'yellow', overtaken: 'yellow' },
}

const EXAMPLES = `
Examples:
  kytos-settings audit                           all kept changes of all NApps
  kytos-settings audit --since 03:00
  kytos-settings audit --since 1764244800000.42  after the cursor that the last "audit" printed
  kytos-settings audit --follow --json >> audit.jsonl

Changes are in the order of the store, never in that of clocks; "clock" marks a time before that of the
version before it. The last line names the cursor with which --since resumes, on standard error.
TIME: ${TIME_FORMS}.`

/** Adds `audit`, which lists all kept changes of all NApps. */
export function addAuditCommand(program: Command, context: CliContext): void {
  addServiceOptions(program.command('audit'))
    .description('list all kept changes of all NApps, oldest first: time, NApp, author, change, comment')
    .option('--since <start>', 'a time, or the cursor that "audit" printed last', parseStart)
    .option('--limit <count>', 'maximum number of changes, the oldest first', parseCount)
    .option('-f, --follow', 'print new changes as they are made, until Ctrl-C')
    .addHelpText('after', EXAMPLES)
    .action((_options, command: Command) => {
      const { follow = false, ...options } = command.optsWithGlobals<AuditOptions>()
      return withService({ ...options, serviceOnly: follow }, context, service =>
        audit(service, { ...options, follow }, context),
      )
    })
}

async function audit(
  service: Service,
  { json, since, limit, follow }: AuditOptions,
  context: CliContext,
): Promise<void> {
  const signal = follow ? context.interruption() : undefined
  const terminal = createTerminal(context.stdout, context.env)
  let start: AuditStart | undefined = since
  let left = limit ?? Number.POSITIVE_INFINITY
  let isFirst = true
  for (;;) {
    const page = await ask(service, start, Math.min(left, PAGE_ENTRIES), { follow, signal }, context)
    if (!page) break
    if (page.restarted) printMessage(context.stderr, 'The store was replaced since: the audit starts again.')
    const shown = page.entries.slice(0, left)
    left -= shown.length
    if (json) for (const entry of shown) context.stdout.write(`${printJson(toJson(entry))}\n`)
    else if (isFirst || shown.length > 0) context.stdout.write(printEntries(shown, isFirst, terminal))
    isFirst = false
    start = { after: page.next }
    if (left <= 0 || (!page.more && !follow) || signal?.aborted) break
    if (!page.more) await sleep(POLL_MS, undefined, { signal }).catch(() => {})
    if (signal?.aborted) break
  }
  if (start && 'after' in start) printMessage(context.stderr, `To resume from here: --since ${start.after}`)
}

/**
 * A page; with `follow` retried while the service or its store is away. Undefined once it is interrupted.
 * @throws SettingsError the error of the service.
 */
async function ask(
  service: Service,
  start: AuditStart | undefined,
  limit: number,
  { follow, signal }: { readonly follow: boolean | undefined; readonly signal: AbortSignal | undefined },
  { stderr }: CliContext,
): Promise<AuditPage | undefined> {
  for (let isFirst = true; ; isFirst = false) {
    try {
      return await service.ask('kytos.settings.audit', { ...start, limit })
    } catch (error) {
      if (!follow || !isSettingsError(error) || !error.retryable) throw error
      if (isFirst) printMessage(stderr, `${toSettingsError(error).message} Retrying.`)
      await sleep(POLL_MS, undefined, { signal }).catch(() => {})
      if (signal?.aborted) return undefined
    }
  }
}

function printEntries(entries: readonly AuditEntry[], isFirst: boolean, terminal: Terminal): string {
  if (entries.length === 0) return 'There are no changes.\n'
  const rows = entries.map(rowOf)
  // Without a head, the columns of later pages are only as wide as their own values.
  const heads = isFirst
    ? ['Changed at', 'NApp', 'Version', 'Changed by', 'Controller', 'Kind', 'Overrides', 'Comment']
    : ['', '', '', '', '', '', '', '']
  const table = printTable(
    heads.map((head, i) => (i >= 6 ? { head, cut: true } : head)),
    rows,
    terminal,
  )
  return isFirst ? table : table.slice(table.indexOf('\n') + 1)
}

function rowOf(entry: AuditEntry): Cell[] {
  const { at, clock, version, actor, controller, kind, more = 0, comment } = entry
  const shown = showChange(entry)
  return [
    `${showTime(at)}${clock ? ' clock' : ''}`,
    printPlace(entry),
    String(version),
    printAuthor(actor),
    controller ?? '-',
    { text: kind, style: STYLES[kind] ?? 'dim' },
    more > 0 ? `${shown}, ${more} more` : shown,
    comment ?? '',
  ]
}

/** The differences of a change; of a step of a confirmed commit, its time and its baseline. */
function showChange({ baseline, confirm_within, changes }: AuditEntry): string {
  const time = confirm_within === undefined ? '' : `confirm within ${confirm_within} s`
  if (baseline !== undefined) return `${time}, else ${baseline === 0 ? 'deleted' : `version ${baseline}`}`
  const shown = changes?.map(showDifference).join(', ') ?? '?'
  return time === '' ? shown : `${shown} (${time})`
}

function parseStart(text: string): AuditStart {
  if (/^\d{1,16}\.\d{1,40}$/.test(text)) return { after: text }
  try {
    return { from: parseTime(text).at.toISOString() }
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error
    throw new InvalidArgumentError(`${error.message} Or use a cursor that "audit" printed.`)
  }
}
