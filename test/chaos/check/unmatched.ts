/** An instant somewhere within, ends included. */
export interface Instant {
  readonly from: bigint
  readonly to: bigint
}

/** The time from the sending of something to its answer; without an end when none came. */
export interface Span {
  readonly sent: bigint
  readonly answered: bigint | undefined
}

/**
 * Gives each instant a span of its own that it may lie in, and tells which `of` them get none, by their
 * places; none when there is a way. Instants are in order: neither their beginnings nor their ends go back.
 * So each span takes a row of instants, and the one whose row ends first is served first (Glover 1967).
 */
export function unmatched(
  instants: readonly Instant[],
  spans: readonly Span[],
  of: 'instants' | 'spans' = 'instants',
): readonly number[] {
  const rows = spans
    .map((one, span) => ({ span, ...rowOf(instants, one) }))
    .filter(({ first, last }) => first <= last)
    .sort((a, b) => a.first - b.first)
  const served = new Set<number>()
  const lonely: number[] = []
  const waiting: typeof rows = []
  let next = 0
  for (const at of instants.keys()) {
    for (; (rows[next]?.first ?? instants.length) <= at; next++)
      waiting.push(rows[next] as (typeof rows)[number]) // within the array
    const open = waiting.filter(({ last, span }) => last >= at && !served.has(span))
    waiting.splice(0, waiting.length, ...open)
    const [chosen] = open.sort((a, b) => a.last - b.last)
    if (chosen) served.add(chosen.span)
    else lonely.push(at)
  }
  return of === 'instants' ? lonely : [...spans.keys()].filter(span => !served.has(span))
}

/**
 * The first and the last of the instants that a span may hold, by their places; the last one comes before the
 * first when it may hold none.
 */
export function rowOf(
  instants: readonly Instant[],
  { sent, answered }: Span,
): { readonly first: number; readonly last: number } {
  return {
    first: place(instants, ({ to }) => to < sent),
    last: answered === undefined ? instants.length - 1 : place(instants, ({ from }) => from <= answered) - 1,
  }
}

/** How many of them hold, of a list that begins with all that do. */
export function place<T>(list: readonly T[], holds: (one: T) => boolean): number {
  let [low, high] = [0, list.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (holds(list[middle] as T)) low = middle + 1
    else high = middle
  }
  return low
}
