import type { Cursor } from './heard.ts'
import { isDocument, type Moment } from './moment.ts'
import type { Truth } from './truth.ts'

/**
 * What a controller keeps at least of the facts that it said last, so that readers can resume: a little less
 * than events/feed.ts names as the most.
 */
const FACTS = 8_900
const BYTES = 29 * 1024 * 1024
/** What a fact weighs there: so much, and its document so often. */
const WEIGHT = 1_000
const COPIES = 3

/**
 * True when so much was said between a moment and a cursor of the same life that a reader who is there may
 * find it forgotten.
 */
export function mayBeForgotten({ lives }: Truth, from: Moment | undefined, to: Cursor): boolean {
  const path = lives[from?.lives[0] ?? 0]?.path ?? []
  const steps = path
    .slice((from?.depth ?? -1) + 1)
    .filter(({ revision }) => revision <= to.revision)
    .flatMap(moment => moment.steps)
  const bytes = steps.reduce(
    (sum, { key, text }) => sum + WEIGHT + (isDocument(key) ? COPIES * (text?.length ?? 0) : 0),
    0,
  )
  return steps.length > FACTS || bytes > BYTES
}
