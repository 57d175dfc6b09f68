import { differences } from '../../../events/differences.ts'
import type { StandingDocument } from '../../../events/history-nouns.ts'
import type { Settings } from '../../../events/nouns.ts'
import { equalJson } from '../../../model/value.ts'
import { readSettings } from '../edit/overrides-edit.ts'
import type { Service } from '../service/service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { printAnswer } from '../terminal/print-answer.ts'
import { printMessage } from '../terminal/print-error.ts'
import type { Terminal } from '../terminal/terminal.ts'
import type { TypedTime } from './parse-time.ts'
import { printPatch, type Side } from './print-patch.ts'
import { type AsOfPlace, askStanding, describeStanding, printPlace, prunedAt } from './standing.ts'

/** A document that is not as it was at a time. */
export interface ChangedSince {
  readonly then: StandingDocument
  readonly now: Settings
}

/**
 * The documents that are not as they were at a time.
 * @throws SettingsError VERSION_PRUNED for one whose version at that time is no longer kept.
 */
export async function readChangedSince(
  service: Service,
  place: AsOfPlace,
  time: TypedTime,
): Promise<readonly ChangedSince[]> {
  const changed: ChangedSince[] = []
  for (const then of await askStanding(service, place, time)) {
    if (then.version === then.newest) continue
    if (then.pruned) throw prunedAt(then, time)
    const { namespace, scope } = then
    const now = await readSettings(service, { namespace, scope, isNew: true })
    if (!equalJson(now.overrides, then.data ?? {})) changed.push({ then, now })
  }
  return changed
}

/** Prints the differences between the overrides at a time and the current ones. */
export async function diffAt(
  service: Service,
  place: AsOfPlace,
  time: TypedTime,
  { json, terminal }: { readonly json: boolean | undefined; readonly terminal: Terminal },
  context: CliContext,
): Promise<void> {
  const changed = await readChangedSince(service, place, time)
  const documents = changed.map(({ then, now }) => ({
    ...{ namespace: then.namespace, scope: then.scope, from: then.version, to: then.newest },
    ...{ at: then.at, controller: then.controller },
    ...(then.clock && { clock: true }),
    changes: differences(then.data ?? {}, now.overrides),
  }))
  const toText = (): string =>
    changed.map(one => printPatch(printPlace(one.then), sideThen(one), sideNow(one), terminal)).join('')
  printAnswer(json, { at: time.at.toISOString(), documents }, toText, context)
  const what = place.namespace ?? 'All overrides'
  const remark =
    changed.length === 0 ? `${what}: as at ${time.shown}.` : `${what}: changed since ${time.shown}.`
  printMessage(context.stderr, remark)
}

/** The side of the time. */
export function sideThen({ then }: ChangedSince): Side {
  return { data: then.data ?? {}, label: describeStanding(then) }
}

/** The side of now. */
export function sideNow({ then, now }: ChangedSince): Side {
  return { data: now.overrides, label: `version ${then.newest} (now)` }
}
