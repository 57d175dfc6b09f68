import { Counter, Gauge, Registry } from 'prom-client'
import type { FileProblem } from '../../backends/backend.ts'
import type { Feed } from '../../events/feed.ts'
import type { FactName } from '../../events/map.ts'
import type { FileCode, ServiceState } from '../../events/nouns.ts'
import type { Health } from '../watcher/readiness.ts'

/** The metrics of a service, each named `kytos_settings_...`; values are read only when they are printed. */
export interface Metrics {
  /** The content type of {@link print}. */
  readonly contentType: string
  /** Adds a value that is read at each print; `help` is one sentence. @throws Error for a name in use. */
  gauge(name: string, help: string, read: () => number): void
  /** Adds a counter whose value is kept elsewhere, since the start. @throws Error for a name in use. */
  counter(name: string, help: string, read: () => number): void
  /** All metrics in the text format of Prometheus. */
  print(): Promise<string>
}

export interface MetricsSources {
  readonly health: () => Health
  readonly feed: Feed
  readonly fileProblems: () => readonly Pick<FileProblem, 'code'>[]
  /** The registry, shared with other metrics; a new one by default. */
  readonly registry?: Registry
}

const PREFIX = 'kytos_settings_'
const STATES: readonly ServiceState[] = ['READY', 'STALE', 'OFFLINE']
const FILE_CODES: readonly FileCode[] = ['FILE_MISSING', 'FILE_REJECTED', 'FILE_UNWRITABLE']
/** Facts of the watcher, exported with 0 before the first one. */
const COUNTED_FACTS: readonly FactName[] = [
  'settings.changed',
  'settings.rejected',
  'settings.pending',
  'settings.state',
  'box.changed',
]

/** Creates the metrics of one service. */
export function createMetrics({
  health,
  feed,
  fileProblems,
  registry = new Registry(),
}: MetricsSources): Metrics {
  const registers = [registry]

  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name: `${PREFIX}${name}`,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })
  }

  const counter = (name: string, help: string, read: () => number): void => {
    new Counter({
      name: `${PREFIX}${name}`,
      help,
      registers,
      collect() {
        this.reset()
        this.inc(read())
      },
    })
  }

  new Gauge({
    name: `${PREFIX}state`,
    help: '1 for the current state of the service, 0 for the others.',
    labelNames: ['state'],
    registers,
    collect() {
      for (const state of STATES) this.set({ state }, health().state === state ? 1 : 0)
    },
  })
  gauge(
    'age_seconds',
    'Seconds since the cache was last known to equal the store; NaN without a cache.',
    () => {
      return health().age ?? Number.NaN
    },
  )
  gauge('revision', 'Revision up to which all changes are announced, exact up to 2^53.', () =>
    Number(health().revision),
  )
  gauge(
    'epoch',
    'Epoch of the store: Unix milliseconds of its creation, wipe or restore; 0 without a store.',
    () => health().epoch,
  )
  counter('resyncs_total', 'Listings of the store that replaced single changes.', () => health().resyncs)
  counter(
    'repairs_total',
    'Cache entries that differed from the store without a watch event and were repaired.',
    () => health().repairs,
  )
  counter(
    'reconciles_total',
    'Completed comparisons of the cache with the whole store.',
    () => health().reconciles,
  )

  new Gauge({
    name: `${PREFIX}file_problems`,
    help: 'Readable files that differ from their documents, by code: FILE_MISSING, FILE_REJECTED or FILE_UNWRITABLE.',
    labelNames: ['code'],
    registers,
    collect() {
      const counts = new Map(FILE_CODES.map(code => [code, 0]))
      for (const { code } of fileProblems()) counts.set(code, (counts.get(code) ?? 0) + 1)
      for (const [code, count] of counts) this.set({ code }, count)
    },
  })

  const facts = new Counter({
    name: `${PREFIX}facts_total`,
    help: 'Facts published on the bus, by name.',
    labelNames: ['name'],
    registers,
  })
  for (const name of COUNTED_FACTS) facts.inc({ name }, 0)
  feed.follow(undefined, ({ name }) => facts.inc({ name }))

  return { contentType: registry.contentType, gauge, counter, print: () => registry.metrics() }
}
