import { setTimeout as sleep } from 'node:timers/promises'
import type { CommandContent, Settings } from '../../events/map.ts'
import { isSettingsError } from '../../model/errors.ts'
import { makeKey } from '../../model/key.ts'
import { CLUSTER, overridesKey, parseNamespace, parseScope } from '../../model/namespace.ts'
import type { Json, JsonObject } from '../../model/value.ts'
import type { Command, Outcome } from './history.ts'
import type { Random } from './random.ts'
import { type Player, PlayerGone } from './stage.ts'

/** Namespaces that all writers change, without a guard. */
const SHARED = ['kytos/shared_0', 'kytos/shared_1', 'kytos/shared_2', 'of-core/shared.3']
/** A namespace of large documents; of its own, for every fact of a namespace holds its document twice. */
const BULKY = 'kytos/bulky'
/** Namespaces that come and go. */
const PASSING = ['kytos/passing_0', 'kytos/passing_1']
/** Namespaces that are only ever changed by compare-and-set. */
const REGISTERS = ['kytos/register_0', 'kytos/register_1', 'kytos/register_2']
const BOXES = Array.from({ length: 12 }, (_, i) => `box ${i}`)
const BOX_NAMESPACE = 'chaos'

/** Longest pause of a writer between two commands, and after a refusal, in ms. */
const PAUSE = 25
const REFUSED_PAUSE = 150
/** Characters of a large document. */
const LARGE = 60_000

/** Writers on every controller; all that they ask and are answered is kept. */
export interface Workload {
  readonly commands: readonly Command[]
  /** Ends once every command under way has been answered. */
  stop(): Promise<void>
}

/** Starts writers that choose by their own share of the random numbers. */
export function startWorkload(players: readonly Player[], random: Random, writers: number): Workload {
  const commands: Command[] = []
  const end = new AbortController()
  const running = players.flatMap(player =>
    Array.from({ length: writers }, (_, i) => {
      const name = `${player.id}/${i}`
      return new Writer(player, name, random.fork(name), commands).run(end.signal)
    }),
  )
  return {
    commands,
    stop: async () => {
      end.abort()
      await Promise.all(running)
    },
  }
}

/** Looks up in the history what became of changes whose answer was lost. */
export async function resolveUnknown(commands: readonly Command[], players: readonly Player[]): Promise<Command[]> {
  return Promise.all(
    commands.map(async command => {
      const { outcome, key } = command
      const player = players.find(({ id }) => id === command.controller)
      if (!player || outcome.type !== 'unknown' || outcome.writeId === undefined || key.startsWith('boxes/')) return command
      return { ...command, outcome: { ...outcome, found: await isInHistory(player, key, outcome.writeId) } }
    }),
  )
}

async function isInHistory(player: Player, key: string, writeId: string): Promise<boolean> {
  const parts = key.split('/')
  const [namespace, scope] = [decodeURIComponent(parts.slice(-2).join('/')), parts[0] === 'controllers' ? `controller:${parts[1]}` : 'cluster']
  try {
    const records = await player.ask('kytos.settings.history', { namespace, scope, limit: 1_000 })
    return records.some(record => record.write_id === writeId)
  } catch (error) {
    if (isSettingsError(error, 'NAMESPACE_UNKNOWN')) return false
    throw error
  }
}

class Writer {
  readonly #player: Player
  readonly #name: string
  readonly #random: Random
  readonly #commands: Command[]
  #count = 0

  constructor(player: Player, name: string, random: Random, commands: Command[]) {
    this.#player = player
    this.#name = name
    this.#random = random
    this.#commands = commands
  }

  async run(signal: AbortSignal): Promise<void> {
    const acts: readonly (readonly [weight: number, act: () => Promise<Outcome>])[] = [
      [40, () => this.#patch('cluster')],
      [12, () => this.#patch('controller')],
      [4, () => this.#patch('cluster', true)],
      [8, () => this.#transact()],
      [6, () => this.#come()],
      [4, () => this.#go()],
      [18, () => this.#advance()],
      [12, () => this.#putBox()],
      [4, () => this.#deleteBox()],
    ]
    while (!signal.aborted) {
      const { type } = await this.#random.pick(acts, ([weight]) => weight)[1]()
      await sleep(this.#random.next() * (type === 'ok' ? PAUSE : REFUSED_PAUSE))
    }
  }

  #patch(scope: string, large = false): Promise<Outcome> {
    const id = this.#id()
    const namespace = large ? BULKY : this.#random.pick(SHARED)
    const data = { [this.#name]: id, ...(large && { ballast: id.padEnd(this.#random.between(1, LARGE), '.') }) }
    return this.#update(id, { namespace, scope, data, comment: id }, data)
  }

  /** One change of several namespaces, of all or of none. */
  #transact(): Promise<Outcome> {
    const id = this.#id()
    const first = this.#random.between(0, SHARED.length - 1)
    const namespaces = Array.from({ length: this.#random.between(2, SHARED.length) }, (_, i) => SHARED[(first + i) % SHARED.length] ?? '')
    const data = { [this.#name]: id }
    const [key = '', ...together] = namespaces.map(namespace => overridesKey(parseNamespace(namespace), CLUSTER))
    return this.#record({ id, kind: 'update', key, together, data }, async () => {
      const operations = namespaces.map(namespace => ({ namespace, data }))
      return (await this.#player.ask('kytos.settings.transaction', { operations, comment: id })).settings[0]
    })
  }

  #come(): Promise<Outcome> {
    const id = this.#id()
    const namespace = this.#random.pick(PASSING)
    const data = { [this.#name]: id }
    const work = () => this.#player.ask('kytos.settings.create', { namespace, data, comment: id })
    return this.#record({ id, kind: 'update', key: overridesKey(parseNamespace(namespace), CLUSTER), data }, work)
  }

  #go(): Promise<Outcome> {
    const id = this.#id()
    const namespace = this.#random.pick(PASSING)
    const work = () => this.#player.ask('kytos.settings.delete', { namespace, comment: id })
    return this.#record({ id, kind: 'delete', key: overridesKey(parseNamespace(namespace), CLUSTER) }, work)
  }

  /** Reads a register through to the store and writes it, for the revision that was read. */
  async #advance(): Promise<Outcome> {
    const namespace = this.#random.pick(REGISTERS)
    const key = overridesKey(parseNamespace(namespace), CLUSTER)
    const read = await this.#record({ id: this.#id(), kind: 'read', key }, async () => {
      try {
        return await this.#player.ask('kytos.settings.retrieve', { namespace, fresh: true })
      } catch (error) {
        if (isSettingsError(error, 'NAMESPACE_UNKNOWN')) return UNWRITTEN
        throw error
      }
    })
    if (read.type !== 'ok' || !read.settings) return read
    // Others get between read and write now and then.
    if (this.#random.chance(0.3)) await sleep(this.#random.next() * PAUSE)
    const { revision, overrides } = read.settings
    const id = this.#id()
    const data = { value: id }
    const value = typeof overrides.value === 'string' ? overrides.value : null
    return this.#update(id, { namespace, data, method: 'PUT', revision, comment: id }, data, { revision, value })
  }

  #update(id: string, content: CommandContent<'kytos.settings.update'>, data: JsonObject, expected?: Command['expected']): Promise<Outcome> {
    const key = overridesKey(parseNamespace(content.namespace), parseScope(content.scope, this.#player.id))
    return this.#record({ id, kind: 'update', key, data, ...(expected && { expected }) }, () => this.#player.ask('kytos.settings.update', content))
  }

  #putBox(): Promise<Outcome> {
    const id = this.#id()
    const box_id = this.#random.pick(BOXES)
    const content = { namespace: BOX_NAMESPACE, box_id, data: { id } }
    return this.#record({ id, kind: 'put box', key: makeKey('boxes', BOX_NAMESPACE, box_id), data: { id } }, async () => {
      try {
        await this.#player.ask('kytos.storehouse.update', { ...content, method: 'PUT' })
      } catch (error) {
        if (!isSettingsError(error, 'BOX_UNKNOWN')) throw error
        await this.#player.ask('kytos.storehouse.create', content)
      }
      return undefined
    })
  }

  #deleteBox(): Promise<Outcome> {
    const box_id = this.#random.pick(BOXES)
    return this.#record({ id: this.#id(), kind: 'delete box', key: makeKey('boxes', BOX_NAMESPACE, box_id) }, async () => {
      await this.#player.ask('kytos.storehouse.delete', { namespace: BOX_NAMESPACE, box_id })
      return undefined
    })
  }

  async #record(
    what: Pick<Command, 'id' | 'kind' | 'key' | 'together'> & { readonly data?: Json; readonly expected?: NonNullable<Command['expected']> },
    work: () => Promise<Settings | undefined>,
  ): Promise<Outcome> {
    const sent = process.hrtime.bigint()
    const outcome = await work().then(succeeded, failed)
    const answered = outcome.type === 'unknown' && outcome.writeId === undefined ? undefined : process.hrtime.bigint()
    this.#commands.push({ ...what, controller: this.#player.id, sent, answered, outcome })
    return outcome
  }

  #id(): string {
    return `${this.#name}/${++this.#count}`
  }
}

/** What a register is before the first change: nobody has ever heard of its namespace. */
const UNWRITTEN: Settings = {
  namespace: '',
  data: {},
  overrides: {},
  revision: '0',
  version: 0,
  epoch: 0,
  state: 'READY',
  updated_at: null,
  updated_by: null,
  schema: false,
}

function succeeded(settings: Settings | undefined): Outcome {
  return { type: 'ok', ...(settings && { settings }) }
}

function failed(error: unknown): Outcome {
  if (error instanceof PlayerGone) return { type: 'unknown' }
  if (!isSettingsError(error)) return { type: 'refused', code: 'INTERNAL_ERROR', message: String(error) }
  if (error.code !== 'OUTCOME_UNKNOWN') return { type: 'refused', code: error.code, message: error.message }
  const { write_id } = error.details
  return { type: 'unknown', ...(typeof write_id === 'string' && { writeId: write_id }) }
}
