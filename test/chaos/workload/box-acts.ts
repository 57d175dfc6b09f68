import { setTimeout as sleep } from 'node:timers/promises'
import type { Box } from '../../../events/nouns.ts'
import { makeKey } from '../../../model/key.ts'
import type { Json, JsonObject } from '../../../model/value.ts'
import type { Outcome } from '../history.ts'
import type { Random } from '../random.ts'
import type { Player } from '../stage.ts'
import { THINKING } from './namespaces.ts'
import type { Answer, Recorder } from './recorder.ts'

export const BOX_NAMESPACE = 'chaos'
/** Few, so that controllers create, change and delete the same ones at the same time. */
export const BOXES = Array.from({ length: 6 }, (_, i) => `box ${i}`)

interface Place {
  readonly box_id: string
  readonly key: string
}

/** What one writer does to boxes that all writers change. */
export class BoxActs {
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

  /** Guarded by absence. */
  create(): Promise<Outcome> {
    return this.#put('create box', 'kytos.storehouse.create', {})
  }

  replace(): Promise<Outcome> {
    return this.#put('put box', 'kytos.storehouse.update', { method: 'PUT' })
  }

  /** Adds its members to those that others have set. */
  patch(): Promise<Outcome> {
    return this.#put('patch box', 'kytos.storehouse.update', { method: 'PATCH' })
  }

  /** Reads a box and replaces it for the revision that was read. */
  async advance(): Promise<Outcome> {
    const place = this.#pick()
    const read = await this.#read(place)
    if (read.type !== 'ok' || !read.box) return read
    if (this.#random.chance(0.3)) await sleep(this.#random.next() * THINKING)
    const { revision, data } = read.box
    return this.#put('put box', 'kytos.storehouse.update', { method: 'PUT', revision }, place, {
      revision,
      value: idIn(data),
    })
  }

  read(): Promise<Outcome> {
    return this.#read(this.#pick())
  }

  delete(): Promise<Outcome> {
    const { box_id, key } = this.#pick()
    return this.#recorder.record({ id: this.#recorder.id(), kind: 'delete box', key }, async () => {
      return {
        existed: await this.#player.ask('kytos.storehouse.delete', { namespace: BOX_NAMESPACE, box_id }),
      }
    })
  }

  #pick(): Place {
    const box_id = this.#random.pick(BOXES)
    return { box_id, key: makeKey('boxes', BOX_NAMESPACE, box_id) }
  }

  #put(
    kind: 'create box' | 'put box' | 'patch box',
    name: 'kytos.storehouse.create' | 'kytos.storehouse.update',
    more: { readonly method?: 'PUT' | 'PATCH'; readonly revision?: string },
    { box_id, key } = this.#pick(),
    expected?: { readonly revision: string; readonly value: string | null },
  ): Promise<Outcome> {
    const id = this.#recorder.id()
    const data: JsonObject = { id, [this.#name]: id }
    return this.#recorder.record({ id, kind, key, data, ...(expected && { expected }) }, async () =>
      seen(await this.#player.ask(name, { namespace: BOX_NAMESPACE, box_id, data, ...more })),
    )
  }

  #read({ box_id, key }: Place): Promise<Outcome> {
    return this.#recorder.record({ id: this.#recorder.id(), kind: 'read box', key }, async () =>
      seen(await this.#player.ask('kytos.storehouse.retrieve', { namespace: BOX_NAMESPACE, box_id })),
    )
  }
}

function seen(box: Box | false): Answer {
  return { box: box && { data: box.data, revision: box.revision } }
}

function idIn(data: Json): string | null {
  return typeof data === 'object' && data !== null && 'id' in data && typeof data.id === 'string'
    ? data.id
    : null
}
