import { Counter, Gauge, Registry } from 'prom-client'
import type { FileProblem } from '../../backends/backend.ts'
import type { Feed } from '../../events/feed.ts'
import type { FactName, FileCode, ServiceState } from '../../events/map.ts'
import type { Health } from '../watcher/standing.ts'

/** What is counted and measured, each name `kytos_settings_...`; asked when somebody reads it and at no other time. */
export interface Metrics {
  /** The type of what {@link print} gives. */
  readonly contentType: string
  /** Adds a value that is read whenever the metrics are; `help` is one sentence. @throws Error for a name that is taken. */
  gauge(name: string, help: string, read: () => number): void
  /** Everything, in Prometheus' text format. */
  print(): Promise<string>
}

export interface MetricsSources {
  readonly health: () => Health
  readonly feed: Feed
  readonly fileProblems: () => readonly Pick<FileProblem, 'code'>[]
  /** Where they stand, beside what others measure; a registry of its own by default. */
  readonly registry?: Registry
}

const PREFIX = 'kytos_settings_'
const STATES: readonly ServiceState[] = ['READY', 'STALE', 'OFFLINE']
const FILE_CODES: readonly FileCode[] = ['FILE_MISSING', 'FILE_REJECTED', 'FILE_UNWRITABLE']
/** What the watcher says; a fact that has not happened yet is counted too, as 0. */
const SAID: readonly FactName[] = ['settings.changed', 'settings.rejected', 'settings.state', 'box.changed']

/** The metrics of one service, from now on. */
export function createMetrics({ health, feed, fileProblems, registry = new Registry() }: MetricsSources): Metrics {
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

  /** What is counted elsewhere, since the start. */
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
    help: '1 for the state that the service is in, 0 for the others.',
    labelNames: ['state'],
    registers,
    collect() {
      for (const state of STATES) this.set({ state }, health().state === state ? 1 : 0)
    },
  })
  gauge('age_seconds', 'Seconds since what is answered was last known to equal the store, NaN when there is nothing to answer with.', () => {
    return health().age ?? Number.NaN
  })
  gauge('revision', 'Revision up to which everything has been announced, exact up to 2^53.', () => Number(health().revision))
  gauge('epoch', 'Epoch of the store: Unix milliseconds when it was set up, wiped or restored, 0 before the first.', () => health().epoch)
  counter('resyncs_total', 'Listings that took the place of steps.', () => health().resyncs)
  counter('repairs_total', 'Keys that were found different from the store although no change was told, and mended.', () => health().repairs)
  counter('reconciles_total', 'Comparisons of what is known with the whole store that came to a verdict.', () => health().reconciles)

  new Gauge({
    name: `${PREFIX}file_problems`,
    help: 'Readable files that do not show their documents, by code: FILE_MISSING, FILE_REJECTED or FILE_UNWRITABLE.',
    labelNames: ['code'],
    registers,
    collect() {
      const counts = new Map(FILE_CODES.map(code => [code, 0]))
      for (const { code } of fileProblems()) counts.set(code, (counts.get(code) ?? 0) + 1)
      for (const [code, count] of counts) this.set({ code }, count)
    },
  })

  const facts = new Counter({ name: `${PREFIX}facts_total`, help: 'Facts said on the bus, by name.', labelNames: ['name'], registers })
  for (const name of SAID) facts.inc({ name }, 0)
  feed.follow(undefined, ({ name }) => facts.inc({ name }))

  return { contentType: registry.contentType, gauge, print: () => registry.metrics() }
}
