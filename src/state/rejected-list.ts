import type { RejectedMember } from '../../events/changes.ts'
import { printJson } from '../../model/json.ts'
import type { Json, JsonObject } from '../../model/value.ts'
import { valueAt } from '../schema/exact-keywords.ts'
import type { Rejection } from './judgement.ts'

/** The rejected members of a namespace, as answers and facts show them. */
export interface RejectedList {
  /** From low to high scopes, by pointer; at most {@link MAX_LISTED}. */
  readonly rejected: readonly RejectedMember[]
  /** The number of rejected members that the list has no room for; absent when it has all. */
  readonly more?: number
}

/** A scope as it was judged, with the values that it sets. */
export interface JudgedScope {
  readonly scope: string
  /** Undefined for a text that is no JSON object. */
  readonly stored: JsonObject | undefined
  readonly rejected: readonly Rejection[]
}

export const NOTHING_REJECTED: RejectedList = { rejected: [] }
/** The rejected members that one list shows. */
export const MAX_LISTED = 100
/** The most characters of all values of one list; further values are omitted. */
const VALUE_CHARACTERS = 256 * 1024

/** Lists what is rejected in these scopes, from low to high, where these settings are in effect. */
export function listRejected(scopes: readonly JudgedScope[], data: JsonObject): RejectedList {
  const all = visible(scopes)
  if (all.length === 0) return NOTHING_REJECTED
  let room = VALUE_CHARACTERS
  const hasRoomFor = (value: Json | undefined): value is Json => {
    if (value === undefined) return false
    const { length } = printJson(value)
    if (length > room) return false
    room -= length
    return true
  }
  const rejected = all.slice(0, MAX_LISTED).map(({ scope, stored, pointer, rule, message }) => {
    const own = stored && valueAt(stored, pointer)
    const counts = valueAt(data, pointer)
    return {
      scope,
      pointer,
      ...(hasRoomFor(own) && { stored: own }),
      ...(hasRoomFor(counts) && { counts }),
      rule,
      message,
    }
  })
  return { rejected, ...(all.length > MAX_LISTED && { more: all.length - MAX_LISTED }) }
}

/** True when both lists show the same. */
export function isSameList(one: RejectedList, other: RejectedList): boolean {
  if (one === other || (one.rejected.length === 0 && other.rejected.length === 0)) return true
  return one.more === other.more && print(one) === print(other)
}

/** The fields of an answer that has rejected members; none without any. */
export function presentRejected({ rejected, more }: RejectedList): Partial<RejectedList> {
  return rejected.length === 0 ? {} : { rejected, ...(more !== undefined && { more }) }
}

function print({ rejected }: RejectedList): string {
  return printJson(rejected.map(one => ({ ...one })))
}

/**
 * The rejected members of all scopes. A rule that a higher scope satisfies is not broken any more; one that is
 * broken in several scopes is that of the lowest one.
 */
function visible(scopes: readonly JudgedScope[]) {
  return scopes.flatMap(({ scope, stored, rejected }, i) => {
    const [lower, higher] = [scopes.slice(0, i), scopes.slice(i + 1)]
    const has = (other: JudgedScope, { identity }: Rejection): boolean =>
      other.rejected.some(one => !one.isLeftOut && one.identity === identity)
    return rejected
      .filter(
        one =>
          one.isLeftOut || (higher.every(other => has(other, one)) && !lower.some(other => has(other, one))),
      )
      .map(one => ({ ...one, scope, stored }))
  })
}
