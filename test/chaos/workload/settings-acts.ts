import { setTimeout as sleep } from 'node:timers/promises'
import type { CommandContent } from '../../../events/map.ts'
import type { Settings } from '../../../events/nouns.ts'
import { isSettingsError } from '../../../model/errors.ts'
import { CLUSTER, overridesKey, parseNamespace, parseScope } from '../../../model/namespace.ts'
import type { JsonObject } from '../../../model/value.ts'
import { GUARDED, type GuardedData, SLOWEST_HOOK } from '../guard-napp.ts'
import type { Command, Outcome } from '../history.ts'
import type { Random } from '../random.ts'
import type { Player } from '../stage.ts'
import { BULKY, PASSING, REGISTERS, SHARED, THINKING } from './namespaces.ts'
import type { Recorder } from './recorder.ts'

/** Characters of a large document. */
const LARGE = 60_000

/** What one writer does to settings. */
export class SettingsActs {
  readonly #player: Player
  readonly #controllers: readonly string[]
  readonly #name: string
  readonly #random: Random
  readonly #recorder: Recorder

  /** `controllers` are the ids of all of them. */
  constructor(
    player: Player,
    controllers: readonly string[],
    name: string,
    random: Random,
    recorder: Recorder,
  ) {
    this.#controllers = controllers
    this.#player = player
    this.#name = name
    this.#random = random
    this.#recorder = recorder
  }

  patch(
    scope: string,
    large = false,
    namespace = large ? BULKY : this.#random.pick(SHARED),
  ): Promise<Outcome> {
    const id = this.#recorder.id()
    const data = {
      [this.#name]: id,
      ...(large && { ballast: id.padEnd(this.#random.between(1, LARGE), '.') }),
    }
    return this.#update(id, { namespace, scope, data, comment: id }, data)
  }

  /** One that the hook of a NApp has a say in: it refuses some at some controllers. */
  guarded(): Promise<Outcome> {
    const id = this.#recorder.id()
    const data = this.guardedData(id)
    return this.#update(id, { namespace: this.#random.pick(GUARDED), data, comment: id }, data, {
      refusedBy: data.refused_by,
    })
  }

  /** Data of a guarded namespace, which decides by itself what the hook says. */
  guardedData(id: string): GuardedData {
    const refused_by = this.#random.chance(0.5) ? this.#random.pick(this.#controllers) : null
    return {
      [this.#name]: id,
      refused_by,
      slow: this.#random.chance(0.2) ? this.#random.between(1, SLOWEST_HOOK) : 0,
    }
  }

  /** The scope of any controller, this one or another. */
  anyScope(): string {
    return `controller:${this.#random.pick(this.#controllers)}`
  }

  /** Makes overrides where there are none. */
  come(): Promise<Outcome> {
    const id = this.#recorder.id()
    const place = this.#passing()
    const data = { [this.#name]: id }
    const work = async () => ({
      settings: await this.#player.ask('kytos.settings.create', { ...place, data, comment: id }),
    })
    return this.#recorder.record({ id, kind: 'update', key: this.#keyOf(place), data }, work)
  }

  /** Drops them. */
  go(): Promise<Outcome> {
    const id = this.#recorder.id()
    const place = this.#passing()
    const work = async () => ({
      settings: await this.#player.ask('kytos.settings.delete', { ...place, comment: id }),
    })
    return this.#recorder.record({ id, kind: 'delete', key: this.#keyOf(place) }, work)
  }

  /** Reads a register through to the store and writes it, for the revision that was read. */
  async advance(): Promise<Outcome> {
    const namespace = this.#random.pick(REGISTERS)
    const read = await this.read(namespace)
    if (read.type !== 'ok' || !read.settings) return read
    // Others get between read and write now and then.
    if (this.#random.chance(0.3)) await sleep(this.#random.next() * THINKING)
    const { revision, overrides } = read.settings
    const id = this.#recorder.id()
    const data = { value: id }
    const value = typeof overrides.value === 'string' ? overrides.value : null
    return this.#update(id, { namespace, data, method: 'PUT', revision, comment: id }, data, {
      expected: { revision, value },
    })
  }

  /** Reads the cluster's overrides of a namespace through to the store. */
  read(namespace: string): Promise<Outcome> {
    const key = overridesKey(parseNamespace(namespace), CLUSTER)
    return this.#recorder.record({ id: this.#recorder.id(), kind: 'read', key }, async () => {
      try {
        return { settings: await this.#player.ask('kytos.settings.retrieve', { namespace, fresh: true }) }
      } catch (error) {
        if (isSettingsError(error, 'NAMESPACE_NOT_FOUND')) return { settings: UNWRITTEN }
        throw error
      }
    })
  }

  #passing(): { readonly namespace: string; readonly scope?: string } {
    const namespace = this.#random.pick(PASSING)
    return this.#random.chance(0.3) ? { namespace, scope: this.anyScope() } : { namespace }
  }

  #keyOf({ namespace, scope }: { readonly namespace: string; readonly scope?: string }): string {
    return overridesKey(parseNamespace(namespace), parseScope(scope, this.#player.id))
  }

  #update(
    id: string,
    content: CommandContent<'kytos.settings.update'>,
    data: JsonObject,
    more: Pick<Command, 'expected' | 'refusedBy'> = {},
  ): Promise<Outcome> {
    return this.#recorder.record(
      { id, kind: 'update', key: this.#keyOf(content), data, ...more },
      async () => ({
        settings: await this.#player.ask('kytos.settings.update', content),
      }),
    )
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
