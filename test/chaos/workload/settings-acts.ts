import { setTimeout as sleep } from 'node:timers/promises'
import type { CommandContent, Settings } from '../../../events/map.ts'
import { isSettingsError } from '../../../model/errors.ts'
import { CLUSTER, overridesKey, parseNamespace, parseScope } from '../../../model/namespace.ts'
import type { JsonObject } from '../../../model/value.ts'
import type { Command, Outcome } from '../history.ts'
import type { Random } from '../random.ts'
import type { Player } from '../stage.ts'
import type { Recorder } from './recorder.ts'

/** Namespaces that all writers change, without a guard. */
const SHARED = ['kytos/shared_0', 'kytos/shared_1', 'kytos/shared_2', 'of-core/shared.3']
/** A namespace of large documents; of its own, for every fact of a namespace holds its document twice. */
const BULKY = 'kytos/bulky'
/** Namespaces that come and go. */
const PASSING = ['kytos/passing_0', 'kytos/passing_1']
/** Namespaces that are only ever changed by compare-and-set. */
const REGISTERS = ['kytos/register_0', 'kytos/register_1', 'kytos/register_2']

/** Longest pause between reading a register and writing it, in ms. */
const THINKING = 25
/** Characters of a large document. */
const LARGE = 60_000

/** What one writer does to settings. */
export class SettingsActs {
  readonly #player: Player
  readonly #name: string
  readonly #random: Random
  readonly #recorder: Recorder

  constructor(player: Player, name: string, random: Random, recorder: Recorder) {
    this.#player = player
    this.#name = name
    this.#random = random
    this.#recorder = recorder
  }

  patch(scope: string, large = false): Promise<Outcome> {
    const id = this.#recorder.id()
    const namespace = large ? BULKY : this.#random.pick(SHARED)
    const data = { [this.#name]: id, ...(large && { ballast: id.padEnd(this.#random.between(1, LARGE), '.') }) }
    return this.#update(id, { namespace, scope, data, comment: id }, data)
  }

  /** One change of several namespaces, of all or of none. */
  transact(): Promise<Outcome> {
    const id = this.#recorder.id()
    const first = this.#random.between(0, SHARED.length - 1)
    const namespaces = Array.from({ length: this.#random.between(2, SHARED.length) }, (_, i) => SHARED[(first + i) % SHARED.length] ?? '')
    const data = { [this.#name]: id }
    const [key = '', ...together] = namespaces.map(namespace => overridesKey(parseNamespace(namespace), CLUSTER))
    return this.#recorder.record({ id, kind: 'update', key, together, data }, async () => {
      const operations = namespaces.map(namespace => ({ namespace, data }))
      const [settings] = (await this.#player.ask('kytos.settings.transaction', { operations, comment: id })).settings
      return settings ? { settings } : {}
    })
  }

  come(): Promise<Outcome> {
    const id = this.#recorder.id()
    const namespace = this.#random.pick(PASSING)
    const data = { [this.#name]: id }
    const work = async () => ({ settings: await this.#player.ask('kytos.settings.create', { namespace, data, comment: id }) })
    return this.#recorder.record({ id, kind: 'update', key: overridesKey(parseNamespace(namespace), CLUSTER), data }, work)
  }

  go(): Promise<Outcome> {
    const id = this.#recorder.id()
    const namespace = this.#random.pick(PASSING)
    const work = async () => ({ settings: await this.#player.ask('kytos.settings.delete', { namespace, comment: id }) })
    return this.#recorder.record({ id, kind: 'delete', key: overridesKey(parseNamespace(namespace), CLUSTER) }, work)
  }

  /** Reads a register through to the store and writes it, for the revision that was read. */
  async advance(): Promise<Outcome> {
    const namespace = this.#random.pick(REGISTERS)
    const key = overridesKey(parseNamespace(namespace), CLUSTER)
    const read = await this.#recorder.record({ id: this.#recorder.id(), kind: 'read', key }, async () => {
      try {
        return { settings: await this.#player.ask('kytos.settings.retrieve', { namespace, fresh: true }) }
      } catch (error) {
        if (isSettingsError(error, 'NAMESPACE_UNKNOWN')) return { settings: UNWRITTEN }
        throw error
      }
    })
    if (read.type !== 'ok' || !read.settings) return read
    // Others get between read and write now and then.
    if (this.#random.chance(0.3)) await sleep(this.#random.next() * THINKING)
    const { revision, overrides } = read.settings
    const id = this.#recorder.id()
    const data = { value: id }
    const value = typeof overrides.value === 'string' ? overrides.value : null
    return this.#update(id, { namespace, data, method: 'PUT', revision, comment: id }, data, { revision, value })
  }

  #update(id: string, content: CommandContent<'kytos.settings.update'>, data: JsonObject, expected?: Command['expected']): Promise<Outcome> {
    const key = overridesKey(parseNamespace(content.namespace), parseScope(content.scope, this.#player.id))
    return this.#recorder.record({ id, kind: 'update', key, data, ...(expected && { expected }) }, async () => ({
      settings: await this.#player.ask('kytos.settings.update', content),
    }))
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
