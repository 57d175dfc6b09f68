import { setTimeout as sleep } from 'node:timers/promises'
import type { TransactionOperation } from '../../../events/nouns.ts'
import { CLUSTER, overridesKey, parseNamespace, parseScope } from '../../../model/namespace.ts'
import { GUARDED } from '../guard-napp.ts'
import type { Command, Outcome } from '../history.ts'
import type { Random } from '../random.ts'
import type { Player } from '../stage.ts'
import { PASSING, REGISTERS, SHARED, THINKING } from './namespaces.ts'
import type { Recorder } from './recorder.ts'
import type { SettingsActs } from './settings-acts.ts'

/** What one writer changes of several documents at once, all or nothing. */
export class TransactionActs {
  readonly #player: Player
  readonly #name: string
  readonly #random: Random
  readonly #recorder: Recorder
  readonly #settings: SettingsActs

  constructor(player: Player, name: string, random: Random, recorder: Recorder, settings: SettingsActs) {
    this.#player = player
    this.#name = name
    this.#random = random
    this.#recorder = recorder
    this.#settings = settings
  }

  /** The cluster's overrides of several namespaces. */
  patch(): Promise<Outcome> {
    const id = this.#recorder.id()
    const data = { [this.#name]: id }
    return this.#transact(
      id,
      this.#shared().map(namespace => ({ namespace, data })),
    )
  }

  /** Documents of several namespaces and scopes; at times one that a hook has a say in, and one that goes. */
  mix(): Promise<Outcome> {
    const id = this.#recorder.id()
    const data = { [this.#name]: id }
    const [first = '', second = ''] = this.#shared()
    const scopes = [this.#settings.anyScope(), 'cluster']
    const operations: TransactionOperation[] = [
      { namespace: first, data },
      { namespace: first, scope: this.#settings.anyScope(), data },
      { namespace: second, scope: this.#random.pick(scopes), data },
    ]
    const guarded = this.#random.chance(0.4) ? this.#settings.guardedData(id) : undefined
    if (guarded) operations.push({ namespace: this.#random.pick(GUARDED), data: guarded })
    const passing = this.#random.pick(PASSING)
    const fate = this.#random.pick(['left', 'put', 'dropped'] as const)
    if (fate === 'put') operations.push({ namespace: passing, method: 'PUT', data })
    if (fate === 'dropped') operations.push({ namespace: passing, method: 'DELETE' })
    return this.#transact(id, operations, { ...(guarded && { refusedBy: guarded.refused_by }) })
  }

  /** Two registers, each for the revision that was read of it, and a namespace without a guard. */
  async advance(): Promise<Outcome> {
    const start = this.#random.between(0, REGISTERS.length - 1)
    const [one = '', other = ''] = [0, 1].map(step => REGISTERS[(start + step) % REGISTERS.length])
    const shared = this.#random.pick(SHARED)
    const expected: (Command['expected'] & {})[] = []
    for (const namespace of [one, other]) {
      const read = await this.#settings.read(namespace)
      if (read.type !== 'ok' || !read.settings) return read
      const { revision, overrides } = read.settings
      expected.push({ revision, value: typeof overrides.value === 'string' ? overrides.value : null })
    }
    if (this.#random.chance(0.3)) await sleep(this.#random.next() * THINKING)
    const id = this.#recorder.id()
    const data = { value: id }
    const [first, second] = expected as [(typeof expected)[0], (typeof expected)[0]] // one for each
    const operations: TransactionOperation[] = [
      { namespace: one, method: 'PUT', data, revision: first.revision },
      { namespace: other, method: 'PUT', data, revision: second.revision },
      { namespace: shared, data: { [this.#name]: id } },
    ]
    const also = [{ key: overridesKey(parseNamespace(other), CLUSTER), ...second }]
    return this.#transact(id, operations, { expected: first, also })
  }

  /** Two to all of the shared namespaces. */
  #shared(): string[] {
    const first = this.#random.between(0, SHARED.length - 1)
    return Array.from(
      { length: this.#random.between(2, SHARED.length) },
      (_, i) => SHARED[(first + i) % SHARED.length] ?? '',
    )
  }

  #transact(
    id: string,
    operations: readonly TransactionOperation[],
    more: Pick<Command, 'expected' | 'also' | 'refusedBy'> = {},
  ): Promise<Outcome> {
    const keyOf = ({ namespace, scope }: TransactionOperation): string =>
      overridesKey(parseNamespace(namespace), parseScope(scope, this.#player.id))
    const kept = new Set(operations.filter(({ method }) => method !== 'DELETE').map(keyOf))
    const dropped = operations.filter(({ method }) => method === 'DELETE').map(keyOf)
    const [key = '', ...together] = kept
    const [first] = operations
    const asked = {
      id,
      kind: 'update',
      key,
      together,
      dropped,
      ...more,
      ...(first?.data !== undefined && { data: first.data }),
    } as const
    return this.#recorder.record(asked, async () => {
      const [settings, ...others] = (
        await this.#player.ask('kytos.settings.transaction', { operations, comment: id })
      ).settings
      return { ...(settings && { settings }), others: others.slice(0, together.length) }
    })
  }
}
