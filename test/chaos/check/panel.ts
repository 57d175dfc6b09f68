import { Findings } from './findings.ts'
import type { Moment } from './moment.ts'
import { momentAt, type Truth } from './truth.ts'

/** What listeners are judged by. */
export interface Panel {
  readonly truth: Truth
  readonly findings: Findings
  /** When each command was sent, by its id. */
  readonly sent: ReadonlyMap<string, bigint>
  readonly mayResync: boolean
  /** Controllers whose process ended and began again. */
  readonly restarted: ReadonlySet<string>
  /**
   * The differences to their last known state that controllers started with, as `<controller>
   * <epoch>.<revision>`.
   */
  readonly boots: Set<string>
  /** The same, with findings of its own: to try out what something may mean. */
  trial(): Panel
}

export function createPanel(options: Omit<Panel, 'trial'>): Panel {
  return {
    ...options,
    trial: () => createPanel({ ...options, findings: new Findings(), boots: new Set(options.boots) }),
  }
}

/** The moments that were the newest when a life was at this revision of this epoch, each once. */
export function momentsAt({ lives }: Truth, epoch: number, revision: bigint): Moment[] {
  const [only, ...others] = lives
  // Asked for every fact, and a store has one life mostly.
  const single = only && others.length === 0 ? momentAt(only, revision) : undefined
  if (single) return single.epoch === epoch ? [single] : []
  const found = lives.flatMap(life => momentAt(life, revision) ?? [])
  return [...new Set(found)].filter(moment => moment.epoch === epoch)
}

/** True when one moment is the other or comes before it in some life. */
export function leadsTo({ lives }: Truth, from: Moment | undefined, to: Moment | undefined): boolean {
  if (!from || !to) return !from
  return lives[to.lives[0] ?? 0]?.path[from.depth] === from && from.depth <= to.depth
}
