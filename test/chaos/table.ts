import type { Judged } from './round.ts'

/** Rounds on one stage, added up. */
interface Row {
  readonly stage: string
  readonly rounds: readonly Judged[]
}

type Column = readonly [title: string, value: (rounds: readonly Judged[]) => string]

const sum = (rounds: readonly Judged[], value: (round: Judged) => number): number =>
  rounds.reduce((total, round) => total + value(round), 0)
const count =
  (value: (round: Judged) => number): Column[1] =>
  rounds =>
    sum(rounds, value).toLocaleString('en')

const COLUMNS: readonly Column[] = [
  ['rounds', rounds => String(rounds.length)],
  ['faults', count(({ faults }) => [...faults.values()].reduce((total, times) => total + times, 0))],
  ['writes', count(({ verdict }) => verdict.writes)],
  ['acked', count(({ verdict }) => verdict.acked)],
  ['ambiguous', count(({ verdict }) => verdict.ambiguous)],
  ['facts', count(({ verdict }) => verdict.facts)],
  ['lost', count(({ verdict }) => verdict.lost)],
  ['doubled', count(({ verdict }) => verdict.doubled)],
  ['reordered', count(({ verdict }) => verdict.reordered)],
  [
    'other',
    count(({ verdict }) =>
      Math.max(0, verdict.violations.length - verdict.lost - verdict.doubled - verdict.reordered),
    ),
  ],
  ['resyncs', count(({ verdict }) => verdict.resyncs)],
  ['compared', count(({ verdict }) => verdict.reconciles)],
  ['repairs', count(({ verdict }) => verdict.repairs)],
  ['slowest answer', rounds => `${Math.max(0, ...rounds.map(({ slowest }) => slowest)).toFixed(1)} s`],
  ['stock client lost', printRival],
]

/** One line per stage, and one for all, as text with aligned columns. */
export function printTable(rounds: readonly Judged[]): string {
  const stages = [...new Set(rounds.map(({ stage }) => stage))]
  const rows: Row[] = stages.map(stage => ({ stage, rounds: rounds.filter(round => round.stage === stage) }))
  if (rows.length > 1) rows.push({ stage: 'all', rounds })
  const cells = [
    ['stage', ...COLUMNS.map(([title]) => title)],
    ...rows.map(row => [row.stage, ...COLUMNS.map(([, value]) => value(row.rounds))]),
  ]
  const widths = (cells[0] ?? []).map((_, at) => Math.max(...cells.map(line => line[at]?.length ?? 0)))
  return cells
    .map(line =>
      line
        .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
        .join('  '),
    )
    .join('\n')
}

/** How often each fault struck, one line, the most frequent first. */
export function printFaults(rounds: readonly Judged[]): string {
  const total = new Map<string, number>()
  for (const { faults } of rounds)
    for (const [name, times] of faults) total.set(name, (total.get(name) ?? 0) + times)
  return printCounts(total)
}

/** How many confirmed commits there were, and how they ended: one line, the most frequent first. */
export function printConfirmations(rounds: readonly Judged[]): string {
  const total = new Map<string, number>()
  for (const { verdict } of rounds)
    for (const [kind, times] of Object.entries(verdict.confirmations))
      total.set(kind, (total.get(kind) ?? 0) + times)
  return printCounts(total) || 'none'
}

function printCounts(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([name, times]) => `${name} ${times}`)
    .join(', ')
}

function printRival(rounds: readonly Judged[]): string {
  const owed = sum(rounds, ({ rival }) => rival?.owed ?? 0)
  const lost = sum(rounds, ({ rival }) => rival?.lost ?? 0)
  return owed === 0 ? '-' : `${((100 * lost) / owed).toFixed(2)} % of ${owed.toLocaleString('en')}`
}
