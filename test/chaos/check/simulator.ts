import fc from 'fast-check'
import type { Settings } from '../../../events/nouns.ts'
import { parseJson } from '../../../model/json.ts'
import type { Json, JsonObject } from '../../../model/value.ts'
import { type Command, type HandChange, type History, type Outcome, tokenName } from '../history.ts'
import { SimulatedController } from './simulator-controller.ts'
import { type Commit, SimulatedStore, type Wanted, WRITER } from './simulator-store.ts'

const QUIET = [
  'patch',
  'own',
  'remove',
  'box',
  'patch box',
  'guarded box',
  'vain box',
  'lost box',
  'look',
  'unbox',
  'token',
  'revoke',
  'show',
  'register',
  'edit',
  'erase',
  'hand box',
  'schema',
  'together',
  'transaction',
  'drop',
  'transfer',
  'guarded',
  'read',
  'lost answer',
  'dead',
  'refused',
] as const
const TROUBLE = ['away', 'back', 'reader away', 'reader back', 'restart'] as const
const LOSSES = ['compact', 'wipe', 'restore', 'restore unnoticed'] as const

/** One thing that happens in a round: who or what it is about is chosen by `pick`. */
export interface Act {
  readonly type: (typeof QUIET)[number] | (typeof TROUBLE)[number] | (typeof LOSSES)[number]
  readonly pick: number
}

/** The act that a text such as `patch 3` stands for. */
export function readAct(text: string): Act {
  const space = text.lastIndexOf(' ')
  // Only tests write them.
  return { type: text.slice(0, space) as Act['type'], pick: Number(text.slice(space + 1)) }
}

/**
 * Rounds that a right service would play; with `losses` the store is compacted, wiped and put back at times.
 */
export function arbitraryActs(losses: boolean, maxLength: number): fc.Arbitrary<Act[]> {
  const one = (types: readonly Act['type'][], weight: number) => ({
    weight,
    arbitrary: fc.record({ type: fc.constantFrom(...types), pick: fc.nat(9_999) }),
  })
  return fc.array(fc.oneof(one(QUIET, 12), one(TROUBLE, 4), ...(losses ? [one(LOSSES, 3)] : [])), {
    maxLength,
  })
}

/** Plays a round as a right service would, and gives its history. */
export function simulate(acts: readonly Act[]): History {
  const round = new SimulatedRound()
  for (const act of acts) round.play(act)
  return round.end(acts.some(({ type }) => LOSSES.some(loss => loss === type)))
}

class SimulatedRound {
  readonly #store = new SimulatedStore()
  readonly #commands: Command[] = []
  readonly #controllers: SimulatedController[]
  #time = 0n
  #count = 0
  #gone = new Set<string>()
  readonly #tokens: string[] = []
  readonly #hands: HandChange[] = []

  constructor() {
    this.#controllers = ['one', 'two'].map(id => new SimulatedController(id, this.#store, () => ++this.#time))
  }

  play({ type, pick }: Act): void {
    const controller = this.#controllers[pick % 2] as SimulatedController // there are two
    const namespace = `kytos/a${pick % 3}`
    if (type === 'patch') this.#update(`settings/${namespace}`, pick)
    else if (type === 'own') this.#update(`controllers/${controller.id}/${namespace}`, pick)
    else if (type === 'remove') this.#remove(`settings/${namespace}`)
    else if (type === 'box') this.#box(`boxes/net/b${pick % 3}`)
    else if (type === 'patch box') this.#patchBox(`boxes/net/b${pick % 3}`)
    else if (type === 'guarded box') this.#guardedBox(`boxes/net/b${pick % 3}`, pick % 5 === 0)
    else if (type === 'vain box') this.#vainBox(`boxes/net/b${pick % 3}`)
    else if (type === 'lost box') this.#lostBox(`boxes/net/b${pick % 3}`, pick)
    else if (type === 'look') this.#look(`boxes/net/b${pick % 3}`)
    else if (type === 'unbox') this.#unbox(`boxes/net/b${pick % 3}`)
    else if (type === 'token') this.#token()
    else if (type === 'revoke') this.#revoke(pick)
    else if (type === 'show') this.#show(controller, pick)
    else if (type === 'register') this.#advance(`settings/kytos/register_${pick % 2}`, pick % 5 === 0)
    else if (type === 'edit') this.#edit(`settings/${namespace}`)
    else if (type === 'erase') this.#erase(`settings/${namespace}`)
    else if (type === 'hand box') this.#handBox(`boxes/net/b${pick % 3}`, pick % 2 === 0)
    else if (type === 'schema')
      this.#put([
        { key: `schemas/${namespace}/d${pick % 2}`, data: { schema: { title: String(++this.#count) } } },
      ])
    else if (type === 'together') this.#together(namespace)
    else if (type === 'transaction')
      this.#transact(`settings/${namespace}`, `settings/kytos/a${(pick + 1) % 3}`)
    else if (type === 'drop')
      this.#transact(
        `settings/${namespace}`,
        `controllers/two/kytos/a${pick % 3}`,
        `settings/kytos/a${(pick + 1) % 3}`,
      )
    else if (type === 'transfer') this.#transfer(pick % 5 === 0)
    else if (type === 'guarded') this.#guarded(pick)
    else if (type === 'read') this.#read(`settings/${namespace}`)
    else if (type === 'lost answer' || type === 'dead')
      this.#unknown(`settings/${namespace}`, pick, type === 'dead')
    else if (type === 'refused') this.#record({ kind: 'update', key: `settings/${namespace}` }, () => REFUSED)
    else if (type === 'away') controller.away()
    else if (type === 'back') this.#back(controller)
    else if (type === 'reader away') controller.readerAway()
    else if (type === 'reader back') controller.readerBack()
    else if (type === 'restart') this.#restart(controller)
    else if (type === 'compact') for (const one of this.#controllers) if (!one.present) this.#gone.add(one.id)
    if (type === 'wipe') this.#putBack(0n)
    if (type === 'restore') this.#putBack(BigInt(pick) % (this.#store.revision + 1n))
    if (type === 'restore unnoticed') this.#putBackUnnoticed(BigInt(pick) % (this.#store.revision + 1n), pick)
  }

  end(mayResync: boolean): History {
    for (const controller of this.#controllers) {
      this.#back(controller)
      controller.readerBack()
    }
    const lookedUp = this.#commands.map(command => this.#lookUp(command))
    const listeners = this.#controllers.flatMap(one => one.listeners)
    const finals = this.#controllers.map(one => one.final())
    return { lives: this.#store.lives, commands: lookedUp, listeners, finals, hands: this.#hands, mayResync }
  }

  #update(key: string, pick: number): void {
    this.#record(
      { kind: 'update', key, data: { value: pick, deep: { [`d${pick % 2}`]: this.#count } } },
      (comment, data) => {
        this.#put([{ key, data, comment }])
        return { type: 'ok', settings: this.#settings(key) }
      },
    )
  }

  #remove(key: string): void {
    this.#record({ kind: 'delete', key }, comment => {
      if (this.#store.texts.has(key)) this.#put([{ key, data: undefined, comment }])
      return { type: 'ok', settings: this.#settings(key) }
    })
  }

  /** Makes a box, or replaces the one that is there. */
  #box(key: string): void {
    const isThere = this.#store.texts.has(key)
    this.#record({ kind: isThere ? 'put box' : 'create box', key }, (id, data) =>
      this.#putBox(key, id, { ...data, id }),
    )
  }

  #patchBox(key: string): void {
    const before = this.#store.texts.get(key)
    if (!before) {
      this.#box(key)
      return
    }
    this.#record({ kind: 'patch box', key }, (id, data) =>
      this.#putBox(key, id, { ...(boxIn(before.text).data as JsonObject), ...data, id }),
    )
  }

  #guardedBox(key: string, isOutrun: boolean): void {
    const before = this.#store.texts.get(key)
    if (!before) {
      this.#box(key)
      return
    }
    const expected = {
      revision: String(before.revision),
      value: String((boxIn(before.text).data as JsonObject).id),
    }
    this.#record({ kind: 'put box', key, expected }, (id, data) => this.#putBox(key, id, { ...data, id }))
    if (isOutrun)
      this.#record({ kind: 'put box', key, expected }, () => ({
        type: 'refused',
        code: 'REVISION_MISMATCH',
        message: '',
      }))
  }

  /** Asks for what cannot be, as the box is or is not there. */
  #vainBox(key: string): void {
    const isThere = this.#store.texts.has(key)
    const code = isThere ? 'DOCUMENT_EXISTS' : 'BOX_NOT_FOUND'
    this.#record({ kind: isThere ? 'create box' : 'patch box', key }, () => ({
      type: 'refused',
      code,
      message: '',
    }))
  }

  #lostBox(key: string, pick: number): void {
    const isThere = this.#store.texts.has(key)
    if (pick % 2 === 0 && isThere) {
      this.#record({ kind: 'delete box', key }, () => {
        if (pick % 3 > 0) this.#put([{ key, data: undefined }])
        return { type: 'unknown' }
      })
      return
    }
    this.#record({ kind: isThere ? 'put box' : 'create box', key }, (id, data) => {
      if (pick % 3 > 0) this.#putBox(key, id, { ...data, id })
      return pick % 5 === 0 ? { type: 'unknown' } : { type: 'unknown', writeId: id }
    })
  }

  #putBox(key: string, id: string, data: JsonObject): Outcome {
    const before = this.#store.texts.get(key)
    const created_at = before ? (boxIn(before.text).created_at ?? null) : `at ${id}`
    const { revision } = this.#put([
      { key, data: { data, created_at, owner: null, written: { write_id: id, actor: WRITER, at: '' } } },
    ])
    return { type: 'ok', box: { data, revision: String(revision) } }
  }

  #look(key: string): void {
    this.#record({ kind: 'read box', key }, () => {
      const entry = this.#store.texts.get(key)
      return {
        type: 'ok',
        box: entry ? { data: boxIn(entry.text).data ?? null, revision: String(entry.revision) } : false,
      }
    })
  }

  #unbox(key: string): void {
    this.#record({ kind: 'delete box', key }, () => {
      const existed = this.#store.texts.has(key)
      if (existed) this.#put([{ key, data: undefined }])
      return { type: 'ok', existed }
    })
  }

  #token(): void {
    const key = `tokens/t${++this.#count}`
    this.#tokens.push(key)
    this.#record({ kind: 'make token', key }, id => {
      this.#put([{ key, data: { name: tokenName(id) } }])
      return { type: 'ok' }
    })
  }

  #revoke(pick: number): void {
    const key = this.#tokens[pick % this.#tokens.length]
    if (key === undefined) return
    this.#record({ kind: 'revoke token', key }, () => {
      if (!this.#store.texts.has(key)) return { type: 'refused', code: 'TOKEN_NOT_FOUND', message: '' }
      this.#put([{ key, data: undefined }])
      return { type: 'ok' }
    })
  }

  #show(controller: SimulatedController, pick: number): void {
    const key = this.#tokens[pick % this.#tokens.length]
    if (key !== undefined)
      this.#record(
        { kind: 'check token', key },
        () => ({ type: 'ok', sight: controller.sight(key) }),
        controller.id,
      )
  }

  #advance(key: string, isOutrun: boolean): void {
    const before = this.#settings(key)
    this.#read(key)
    const change = (isLate: boolean) => {
      const value = typeof before.overrides.value === 'string' ? before.overrides.value : null
      this.#record({ kind: 'update', key, expected: { revision: before.revision, value } }, comment => {
        if (isLate) return { type: 'refused', code: 'REVISION_MISMATCH', message: '' }
        this.#put([{ key, data: { value: comment }, comment }])
        return { type: 'ok', settings: this.#settings(key) }
      })
    }
    change(false)
    if (isOutrun) change(true)
  }

  #edit(key: string): void {
    const data = { by: 'hand', n: ++this.#count }
    this.#announce(this.#store.adopt(key, this.#byHand(key, data), data))
  }

  #erase(key: string): void {
    if (this.#store.texts.has(key))
      this.#announce(this.#store.adopt(key, this.#byHand(key, undefined), undefined))
  }

  #handBox(key: string, isDeletion: boolean): void {
    if (!isDeletion) this.#byHand(key, { data: { id: `by hand ${++this.#count}` } })
    else if (this.#store.texts.has(key)) this.#byHand(key, undefined)
  }

  /** A change past the service; gives its revision. */
  #byHand(key: string, data: JsonObject | undefined): bigint {
    const sent = ++this.#time
    const { revision } = this.#put([{ key, data }])
    this.#hands.push({ key, text: this.#store.texts.get(key)?.text, revision, sent, answered: ++this.#time })
    return revision
  }

  /** Two changes of different callers in one revision. */
  #together(namespace: string): void {
    const keys = [`settings/${namespace}`, `controllers/one/${namespace}`]
    const ids = keys.map(() => `t${++this.#count}`)
    const sent = ++this.#time
    this.#put(keys.map((key, i) => ({ key, data: { t: this.#count + i }, comment: ids[i] ?? '' })))
    for (const [i, key] of keys.entries()) {
      const outcome: Outcome = { type: 'ok', settings: this.#settings(key) }
      this.#commands.push({
        id: ids[i] ?? '',
        controller: 'two',
        kind: 'update',
        key,
        sent,
        answered: ++this.#time,
        outcome: this.#observed('two', outcome),
      })
    }
  }

  #transact(key: string, other: string, drop?: string): void {
    this.#record(
      { kind: 'update', key, together: [other], ...(drop !== undefined && { dropped: [drop] }) },
      (comment, data) => {
        const gone =
          drop !== undefined && this.#store.texts.has(drop) ? [{ key: drop, data: undefined, comment }] : []
        const others = { ...data, other: comment }
        this.#put([{ key, data, comment }, { key: other, data: others, comment }, ...gone])
        return { type: 'ok', settings: this.#settings(key), others: [this.#settings(other)] }
      },
    )
  }

  /** Two registers in one revision; `isOutrun` for one more try with what they were before. */
  #transfer(isOutrun: boolean): void {
    const [one, other] = ['settings/kytos/register_0', 'settings/kytos/register_1'] as const
    const known = [one, other].map(key => {
      this.#read(key)
      const { revision, overrides } = this.#settings(key)
      return { key, revision, value: typeof overrides.value === 'string' ? overrides.value : null }
    })
    const [first, second] = known as [(typeof known)[0], (typeof known)[0]] // one for each
    const what = { kind: 'update', key: one, together: [other], expected: first, also: [second] } as const
    this.#record(what, comment => {
      this.#put([one, other].map(key => ({ key, data: { value: comment }, comment })))
      return { type: 'ok', settings: this.#settings(one), others: [this.#settings(other)] }
    })
    if (isOutrun) this.#record(what, () => ({ type: 'refused', code: 'REVISION_MISMATCH', message: '' }))
  }

  /** One that the hook of a controller refuses, at times at that controller. */
  #guarded(pick: number): void {
    const key = 'settings/kytos/guarded_0'
    const refusedBy = pick % 3 === 0 ? null : pick % 3 === 1 ? 'one' : 'two'
    const controller = this.#controllers[pick % 2]?.id ?? ''
    this.#record(
      { kind: 'update', key, refusedBy, data: { refused_by: refusedBy } },
      (comment, data) => {
        if (refusedBy === controller) return { type: 'refused', code: 'CHANGE_VETOED', message: '' }
        this.#put([{ key, data, comment, controller }])
        return { type: 'ok', settings: this.#settings(key) }
      },
      controller,
    )
  }

  #read(key: string): void {
    this.#record({ kind: 'read', key }, () => ({ type: 'ok', settings: this.#settings(key) }))
  }

  #unknown(key: string, pick: number, isDead: boolean): void {
    this.#record({ kind: 'update', key, data: { lost: pick } }, (comment, data) => {
      if (pick % 3 > 0) this.#put([{ key, data, comment }])
      return isDead ? { type: 'unknown' } : { type: 'unknown', writeId: `write ${comment}`, found: false }
    })
  }

  #lookUp(command: Command): Command {
    const { outcome } = command
    if (outcome.type !== 'unknown' || outcome.writeId === undefined) return command
    const found = [...this.#store.texts].some(
      ([key, { text }]) => key.startsWith(`history/${command.key}/`) && text.includes(`"${outcome.writeId}"`),
    )
    return { ...command, outcome: { ...outcome, found } }
  }

  #record(
    what: Pick<Command, 'kind' | 'key' | 'together' | 'dropped' | 'expected' | 'also' | 'refusedBy'> & {
      readonly data?: JsonObject
    },
    work: (id: string, data: JsonObject) => Outcome,
    controller = this.#controllers.find(({ present }) => present)?.id ?? 'one',
  ): void {
    const id = `c${++this.#count}`
    const data = what.key.startsWith('boxes/') ? { mark: id, id } : { ...what.data, mark: id }
    const sent = ++this.#time
    const outcome = this.#observed(controller, work(id, data))
    const answered = outcome.type === 'unknown' && outcome.writeId === undefined ? undefined : ++this.#time
    this.#commands.push({ ...what, data, id, controller, sent, answered, outcome })
  }

  /** Who does not follow the store cannot say that it saw a change. */
  #observed(controller: string, outcome: Outcome): Outcome {
    const { present } = this.#controllers.find(({ id }) => id === controller) ?? { present: false }
    return outcome.type === 'ok' && outcome.settings && !present
      ? { ...outcome, settings: { ...outcome.settings, observed: false } }
      : outcome
  }

  #settings(key: string): Settings {
    const entry = this.#store.texts.get(key)
    const overrides = entry ? (parseJson(entry.text) as JsonObject) : {} // documents are objects here
    const version = this.#store.versionOf(key)
    const stored = this.#store.texts.get(`history/${key}/${String(version).padStart(12, '0')}`)
    const record = stored ? (parseJson(stored.text) as { readonly revision?: string }) : {}
    const revision = record.revision ?? String(stored?.revision ?? 0n)
    const { epoch } = this.#store
    const common = {
      namespace: key.split('/').slice(-2).join('/'),
      data: overrides,
      overrides,
      epoch,
      version,
      revision,
      state: 'READY',
    } as const
    return { ...common, updated_at: null, updated_by: null, schema: false }
  }

  #put(wanted: readonly (Omit<Wanted, 'data'> & { readonly data: Json | undefined })[]): Commit {
    const commit = this.#store.commit(wanted)
    this.#announce(commit)
    return commit
  }

  #announce(_: Commit): void {
    for (const controller of this.#controllers) if (controller.present) controller.back(false)
  }

  #back(controller: SimulatedController): void {
    controller.back(this.#gone.delete(controller.id))
  }

  #restart(controller: SimulatedController): void {
    this.#gone.delete(controller.id)
    controller.restart()
  }

  #putBack(revision: bigint): void {
    for (const controller of this.#controllers) controller.away()
    this.#store.putBack(revision)
    for (const controller of this.#controllers) this.#back(controller)
  }

  /**
   * One controller writes before another one, that still knows what was, notices and gives the store an
   * epoch.
   */
  #putBackUnnoticed(revision: bigint, pick: number): void {
    const before = this.#settings(`settings/kytos/register_${pick % 2}`)
    const key = `settings/kytos/a${pick % 3}`
    for (const controller of this.#controllers) controller.away()
    this.#record({ kind: 'update', key, data: { value: pick } }, (comment, data) => {
      this.#store.putBack(revision, [{ key, data, comment }])
      return { type: 'ok', settings: this.#settings(key) }
    })
    this.#record({ kind: 'read', key: `settings/${before.namespace}` }, () => ({
      type: 'ok',
      settings: before,
    }))
    for (const controller of this.#controllers) this.#back(controller)
  }
}

function boxIn(text: string): JsonObject {
  return parseJson(text) as JsonObject // boxes are objects here
}

const REFUSED: Outcome = { type: 'refused', code: 'STORE_UNREACHABLE', message: '' }
