import { CLUSTER, overridesKey, parseNamespace, parseScope } from '../../../model/namespace.ts'
import type { JsonObject } from '../../../model/value.ts'
import type { Outcome } from '../history.ts'
import type { Random } from '../random.ts'
import type { Player } from '../stage.ts'
import { CONFIRMED, LEFT } from './namespaces.ts'
import type { Recorder } from './recorder.ts'
import type { SettingsActs } from './settings-acts.ts'

/** The seconds within which a change has to be confirmed: the least, and more now and then. */
const SHORTEST = 2
const LONGEST = 3
/** The time for which a writer leaves its own document alone, in ms: longer than any change waits. */
const LEFT_ALONE = 8_000

interface Place {
  readonly namespace: string
  readonly scope: string
}

/** The changes of one writer that have to be confirmed, and their ends. */
export class ConfirmedActs {
  readonly #player: Player
  readonly #name: string
  readonly #random: Random
  readonly #recorder: Recorder
  readonly #settings: SettingsActs
  #leftUntil = 0

  constructor(player: Player, name: string, random: Random, recorder: Recorder, settings: SettingsActs) {
    this.#player = player
    this.#name = name
    this.#random = random
    this.#recorder = recorder
    this.#settings = settings
  }

  /** One document, or several together. */
  arm(): Promise<Outcome> {
    const first = this.#random.between(0, CONFIRMED.length - 1)
    const count = this.#random.pick([1, 1, 2, 3])
    const places = Array.from({ length: count }, (_, i) => ({
      namespace: CONFIRMED[(first + i) % CONFIRMED.length] ?? '',
      scope: this.#scope(),
    }))
    return this.#arm(places)
  }

  /** A change that nothing but its time ends; each writer has a document of its own for it. */
  leave(): Promise<Outcome> {
    if (performance.now() < this.#leftUntil) return this.arm()
    this.#leftUntil = performance.now() + LEFT_ALONE
    const n = Number(this.#name.split('/').at(-1))
    return this.#arm([{ namespace: LEFT[n % LEFT.length] ?? '', scope: `controller:${this.#player.id}` }])
  }

  /** A deletion that has to be confirmed. */
  drop(): Promise<Outcome> {
    const place = this.#place()
    const id = this.#recorder.id()
    const confirm_within = this.#within()
    const asked = { id, kind: 'delete', key: this.#keyOf(place), confirmWithin: confirm_within } as const
    return this.#recorder.record(asked, async () => ({
      settings: await this.#player.ask('kytos.settings.delete', { ...place, comment: id, confirm_within }),
    }))
  }

  /** A change without a time, which is refused while its document waits. */
  patch(): Promise<Outcome> {
    const { namespace, scope } = this.#place()
    return this.#settings.patch(scope, false, namespace)
  }

  end(kind: 'confirm' | 'cancel'): Promise<Outcome> {
    const place = this.#place()
    const id = this.#recorder.id()
    return this.#recorder.record({ id, kind, key: this.#keyOf(place) }, async () => ({
      ended: await this.#player.ask(`kytos.settings.${kind}`, { ...place, comment: id }),
    }))
  }

  #arm(places: readonly Place[]): Promise<Outcome> {
    const id = this.#recorder.id()
    const data: JsonObject = { [this.#name]: id }
    const confirm_within = this.#within()
    const [key = '', ...together] = places.map(place => this.#keyOf(place))
    const asked = { id, kind: 'update', key, together, data, confirmWithin: confirm_within } as const
    const operations = places.map(place => ({ ...place, data }))
    return this.#recorder.record(asked, async () => {
      const [settings, ...others] = (
        await this.#player.ask('kytos.settings.transaction', { operations, comment: id, confirm_within })
      ).settings
      return { ...(settings && { settings }), others }
    })
  }

  #place(): Place {
    return { namespace: this.#random.pick(CONFIRMED), scope: this.#scope() }
  }

  #scope(): string {
    return this.#random.chance(0.7) ? CLUSTER : this.#settings.anyScope()
  }

  #within(): number {
    return this.#random.chance(0.8) ? SHORTEST : LONGEST
  }

  #keyOf({ namespace, scope }: Place): string {
    return overridesKey(parseNamespace(namespace), parseScope(scope, this.#player.id))
  }
}
