import { expect } from 'vitest'
import type { KytosEvent } from '../../../events/event.ts'
import type { CommandContent, CommandName, Facts } from '../../../events/map.ts'
import type { Settings } from '../../../events/nouns.ts'
import { isSettingsError } from '../../../model/errors.ts'
import { printJson } from '../../../model/json.ts'
import { overridesKey, parseNamespace, parseScope, schemaKey } from '../../../model/namespace.ts'
import type { JsonObject } from '../../../model/value.ts'
import { createSchemaDocument, type SchemaDocument } from '../../../src/schema/schema-document.ts'
import { parseRecord } from '../../../src/state/record.ts'
import { type Player, startPlayer } from './ensemble.ts'
import {
  brief,
  expectAlike,
  expectChained,
  expectedFacts,
  expectNothingUntold,
  expectOrdered,
  outcome,
} from './verdicts.ts'
import type { World } from './world.ts'

/** Refusals that a store that fails and other writers bring about; anything else is a bug. */
const EXCUSED = [
  'STORE_UNREACHABLE',
  'STORE_STALE',
  'CONTENTION',
  'DOCUMENT_EXISTS',
  'NAMESPACE_NOT_FOUND',
  'SETTINGS_INVALID',
  'BOX_NOT_FOUND',
  'STORE_DAMAGED',
] as const
const PATIENCE = 5_000

interface Seen {
  readonly epoch: number
  readonly revision: bigint
}

/** Gives the orders, hears what every controller says, and knows what is right. */
export class Judge {
  players: readonly Player[] = []
  readonly #world: World
  readonly #pending = new Set<Promise<unknown>>()
  readonly #wrong: string[] = []
  readonly #seen = new Map<Player, Seen>()
  /** What each controller registered last; undefined while it is uncertain whether it did. */
  readonly #registered = new Map<Player, Map<string, SchemaDocument | undefined>>()
  #count = 0

  constructor(world: World) {
    this.#world = world
  }

  tell(
    i: number,
    name: 'kytos.settings.update' | 'kytos.settings.create' | 'kytos.settings.delete',
    content: { readonly namespace: string; readonly scope?: string; readonly data?: JsonObject },
  ): void {
    const player = this.players[i]
    if (!player) return
    const comment = `order ${++this.#count}`
    const generation = player.line.watched?.generation ?? 0
    // The schedule gives each command the fields it needs.
    this.#order(player, name, { ...content, comment } as CommandContent<typeof name>, answer => {
      this.#carriesOwn(
        player,
        comment,
        name === 'kytos.settings.delete' ? {} : content.data,
        answer as Settings,
      )
      this.#answered(player, content.namespace, content.scope, comment, generation, answer as Settings)
    })
  }

  register(i: number, namespace: string, schema: JsonObject, version: number): void {
    const player = this.players[i]
    if (!player) return
    const own = this.#registered.get(player) ?? new Map<string, SchemaDocument | undefined>()
    this.#registered.set(player, own.set(namespace, undefined))
    this.#order(
      player,
      'kytos.settings.register',
      { namespace, schema, napp_version: String(version) },
      () => {
        own.set(namespace, createSchemaDocument(schema, {}, String(version)))
      },
    )
  }

  box(i: number, box_id: string): void {
    const player = this.players[i]
    if (!player) return
    const data = { n: ++this.#count }
    const turn = this.#count % 4
    if (turn === 0) this.#order(player, 'kytos.storehouse.delete', { namespace: 'net', box_id })
    else if (turn === 1) this.#order(player, 'kytos.storehouse.create', { namespace: 'net', box_id, data })
    else this.#order(player, 'kytos.storehouse.update', { namespace: 'net', box_id, data })
  }

  /** Hears a fact at the moment it is said. */
  hear({ name, content }: KytosEvent, player: Player): void {
    this.#look(player)
    if (name !== 'settings.state' || (content as Facts['settings.state']).state !== 'READY') return
    const { watched } = player.line
    const { revision } = player.service.health()
    if (
      watched &&
      !watched.early &&
      watched.generation === this.#world.generation &&
      revision < watched.revision
    )
      this.#wrong.push(
        `${player.id} said READY at ${revision}, but the store was at ${watched.revision} when its watch was made`,
      )
  }

  /** One turn of the event loop. */
  async turn(): Promise<void> {
    await new Promise(resolve => setImmediate(resolve))
    for (const player of this.players) this.#look(player)
  }

  /** Mends every line and waits until nothing happens any more. */
  async calm(): Promise<void> {
    for (const { line } of this.players) {
      line.refuse(0)
      line.down = false
      line.early = 0
    }
    const deadline = performance.now() + PATIENCE
    for (let quiet = 0; quiet < 12; ) {
      await this.turn()
      quiet = this.#isCalm() ? quiet + 1 : 0
      if (performance.now() < deadline) continue
      const states = this.players.map(
        ({ id, service }) =>
          `${id}: ${JSON.stringify(service.health(), (_, value) => (typeof value === 'bigint' ? String(value) : value))}`,
      )
      throw new Error(
        `No calm after ${PATIENCE} ms; the store is at ${this.#world.revision}, ${this.#pending.size} orders are open. ${states.join(' ')}`,
      )
    }
  }

  /** @throws what is wrong, of everything that was said and is known. */
  async judge(lossless: boolean): Promise<void> {
    expect(this.#wrong).toEqual([])
    for (const player of this.players) {
      expect(
        player.service.health().repairs,
        `repairs on ${player.id}: ${player.log.lines.filter(line => line.includes('REPAIR'))}`,
      ).toBe(0)
      expectOrdered(player.changes)
      expectChained(player.changes)
      expectNothingUntold(this.#world, player.changes)
      if (lossless)
        expect(player.changes.map(brief)).toEqual(expectedFacts(this.#world, player.service.health().epoch))
      await this.#expectKnowsStore(player, lossless)
    }
  }

  #order<N extends CommandName>(
    player: Player,
    name: N,
    content: CommandContent<N>,
    then: (answer: unknown) => void = () => {},
  ): void {
    const order = player.ask(name, content).then(then, error => {
      if (!isSettingsError(error, ...EXCUSED)) this.#wrong.push(`${name} on ${player.id}: ${error}`)
    })
    this.#pending.add(order)
    order.finally(() => this.#pending.delete(order))
  }

  /** An answer contains the members that its own command set, and a fact of that change has its version. */
  #carriesOwn(player: Player, comment: string, data: JsonObject = {}, answer: Settings): void {
    for (const [member, value] of Object.entries(data))
      if (answer.overrides[member] !== value)
        this.#wrong.push(
          `${player.id} set ${member} to ${value} ("${comment}"), and was answered ${printJson(answer.overrides)}`,
        )
    if (answer.observed === false) return
    for (const fact of player.changes)
      if ('comment' in fact && fact.comment === comment && fact.version !== answer.version)
        this.#wrong.push(
          `${player.id} answered "${comment}" with version ${answer.version}; its fact has ${fact.version}`,
        )
  }

  /** What an answer says was observed has been said here before. */
  #answered(
    player: Player,
    namespace: string,
    where: string | undefined,
    comment: string,
    generation: number,
    answer: Settings,
  ): void {
    if (answer.observed === false) return
    const scope = parseScope(where, player.id)
    const key = overridesKey(parseNamespace(namespace), scope)
    // Nobody can say what became of a commit that was made while the store was put back and the controller
    // had not noticed.
    if (generation !== this.#world.generation) return
    const record = this.#world
      .entries()
      .find(entry => entry.key.startsWith(`history/${key}/`) && parseRecord(entry)?.comment === comment)
    // What another change overtook before a listing found it needs no fact any more.
    const stands = record !== undefined && this.#world.store.get(key)?.modRevision === record.modRevision
    const told = player.changes.some(
      fact =>
        'scope' in fact &&
        fact.namespace === namespace &&
        fact.scope === scope &&
        (fact.comment === comment || (fact.epoch === answer.epoch && fact.version >= answer.version)),
    )
    if (stands && !told) this.#wrong.push(`${player.id} answered "${comment}" before its fact was said`)
  }

  #look(player: Player): void {
    const { epoch, revision } = player.service.health()
    const before = this.#seen.get(player)
    if (before && (epoch < before.epoch || (epoch === before.epoch && revision < before.revision)))
      this.#wrong.push(
        `${player.id} went back from ${before.epoch}.${before.revision} to ${epoch}.${revision}`,
      )
    this.#seen.set(player, { epoch, revision })
  }

  #isCalm(): boolean {
    if (this.#pending.size > 0 || !this.players.every(({ service }) => service.health().state === 'READY'))
      return false
    if (!this.players.every(({ service }) => service.health().revision === this.#world.revision)) return false
    const lacking = this.players.filter(player => this.#lacksSchema(player))
    // Stored again at the next READY.
    for (const { line } of lacking) line.cut()
    return lacking.length === 0
  }

  #lacksSchema(player: Player): boolean {
    return [...(this.#registered.get(player) ?? [])].some(
      ([namespace, document]) =>
        document && !this.#world.store.get(schemaKey(parseNamespace(namespace), document.digest)),
    )
  }

  /** A controller of the same name that begins now, with the same NApps, sees the same. */
  async #expectKnowsStore(player: Player, lossless: boolean): Promise<void> {
    const fresh = await startPlayer(this.#world, player.id)
    try {
      const uncertain = new Set<string>()
      for (const [namespace, document] of this.#registered.get(player) ?? []) {
        if (!document) uncertain.add(namespace)
        else
          await fresh.ask('kytos.settings.register', {
            namespace,
            schema: document.schema,
            napp_version: document.nappVersion ?? '',
          })
      }
      // It may have recorded what nobody else could.
      await this.calm()
      // With lost history, what counts in the place of rejected overrides depends on the records that were
      // there when they were met.
      const doubtful = lossless
        ? new Set<string>()
        : new Set(fresh.said.flatMap(({ name, content }) => rejectedNamespace(name, content)))
      const namespaces = (await fresh.ask('kytos.settings.list', {})).map(one => one.namespace)
      expect((await player.ask('kytos.settings.list', {})).map(one => one.namespace)).toEqual(namespaces)
      for (const namespace of namespaces.filter(one => !uncertain.has(one))) {
        for (const scope of ['cluster', 'controller']) {
          const content = { namespace, scope }
          const known = await outcome(player.ask('kytos.settings.retrieve', content))
          expectAlike(
            known,
            await outcome(fresh.ask('kytos.settings.retrieve', content)),
            doubtful.has(namespace),
          )
        }
      }
      expect(await player.ask('kytos.storehouse.list', { namespace: 'net' })).toEqual(
        await fresh.ask('kytos.storehouse.list', { namespace: 'net' }),
      )
    } finally {
      await fresh.close()
    }
  }
}

function rejectedNamespace(name: string, content: unknown): string[] {
  // The name says which content it is.
  const { namespace } = content as Facts['settings.rejected']
  return name === 'settings.rejected' && namespace !== null ? [namespace] : []
}
