import { setTimeout as delay } from 'node:timers/promises'
import type { EtcdOptions } from '../../../backends/etcd/index.ts'
import type { HandChange } from '../history.ts'
import type { Random } from '../random.ts'
import type { Fault } from '../stage.ts'
import type { Etcdctl } from './etcdctl.ts'
import type { Line } from './line.ts'
import type { Seat } from './seat.ts'
import type { Truth } from './truth.ts'

/** Where all controllers keep their documents. */
export const PREFIX = '/kytos'

/** The store that a stage stands on: real etcds. */
export interface Ground {
  readonly name: string
  /** The faults take something from the store. */
  readonly mayResync: boolean
  /** Of every endpoint, on loopback. */
  readonly ports: readonly number[]
  readonly etcdctl: Etcdctl
  /** What was changed past the service so far; none when absent. */
  readonly hands?: readonly HandChange[]
  /** How a controller reaches it when these are the ports of its way to it. */
  connection(ports: readonly number[]): EtcdOptions
  /** What can happen on it, beside what happens to the lines. */
  faults(world: World): readonly Fault[]
  /** Ends whatever still ails it. */
  heal(): Promise<void>
  stop(): Promise<void>
}

/** Who and what a fault can befall. */
export interface World {
  readonly seats: readonly Seat[]
  /** One for each seat. */
  readonly lines: readonly Line[]
  readonly etcdctl: Etcdctl
  readonly truth: Truth
  /** Lets one fault of the store at a time through. */
  alone(task: () => Promise<void>): Promise<void>
}

/** Options that a controller has on every ground. */
export function connectionTo(scheme: 'http' | 'https', ports: readonly number[]): EtcdOptions {
  return { endpoints: ports.map(port => `${scheme}://127.0.0.1:${port}`), prefix: PREFIX, timeout: 5 }
}

/** Lets a trouble last so many milliseconds. */
export async function last(random: Random, from: number, to: number): Promise<void> {
  await delay(random.between(from, to))
}
