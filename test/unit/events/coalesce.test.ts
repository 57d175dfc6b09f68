import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createBus } from '../../../events/bus.ts'
import type { ValueChange } from '../../../events/changes.ts'
import { coalesceFacts } from '../../../events/coalesce.ts'
import { differences } from '../../../events/differences.ts'
import type { KytosEvent } from '../../../events/event.ts'
import type { Facts } from '../../../events/map.ts'
import { isObject, type Json, type JsonObject, pointerToken, setMember } from '../../../model/value.ts'
import { boxFact, changedFact } from './facts.ts'

type Changed = Facts['settings.changed']
type BoxChanged = Facts['box.changed']

const keys = fc.constantFrom('a', 'b', 'a/b', 'a~1b', '__proto__')
const { value: values } = fc.letrec<{ value: Json }>(tie => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom<Json>(null, true, 1, 2n ** 64n, '', []),
    fc
      .array(
        keys.chain(key => tie('value').map(value => [key, value] as const)),
        { maxLength: 3 },
      )
      .map(objectOf),
  ),
}))
const objects = fc.array(fc.tuple(keys, values), { maxLength: 4 }).map(objectOf)
const modes = fc.constantFrom('live', 'reload', 'restart', 'never')

function objectOf(members: readonly (readonly [string, Json])[]): JsonObject {
  const object: JsonObject = {}
  for (const [key, value] of members) setMember(object, key, value)
  return object
}

/** What happens to a few namespaces and boxes, `previous` and `data` chained as the watcher does it. */
const happenings = fc.array(
  fc.oneof(
    fc.record({
      namespace: fc.constantFrom('kytos/a', 'kytos/b'),
      data: objects,
      apply: modes,
      gone: fc.nat(4).map(n => n === 0),
    }),
    fc.record({ box_id: fc.constantFrom('1', '2', '3'), gone: fc.boolean() }),
    fc.record({ state: fc.constantFrom('READY' as const, 'STALE' as const) }),
    fc.record({ event: fc.constantFrom('kytos/x', 'kytos/y') }),
  ),
  { maxLength: 40 },
)
type Happening = typeof happenings extends fc.Arbitrary<readonly (infer One)[]> ? One : never

class Chronicle {
  readonly #settings = new Map<string, JsonObject>()
  readonly #boxes = new Set<string>()

  say(bus: ReturnType<typeof createBus>, happening: Happening): void {
    if ('event' in happening) bus.emit(happening.event)
    else if ('state' in happening)
      bus.announce('settings.state', {
        state: happening.state,
        revision: '1',
        epoch: 1,
        since: '',
        reason: null,
        age: 0,
      })
    else if ('box_id' in happening) this.#sayBox(bus, happening.box_id, happening.gone)
    else {
      const { namespace, apply } = happening
      const previous = this.#settings.get(namespace) ?? {}
      const data = happening.gone ? {} : happening.data
      const kind = happening.gone ? 'deleted' : this.#settings.has(namespace) ? 'updated' : 'created'
      if (happening.gone) this.#settings.delete(namespace)
      else this.#settings.set(namespace, data)
      const changes = differences(previous, data).map(difference => ({ ...difference, apply }))
      bus.announce('settings.changed', changedFact({ namespace, previous, data, kind, changes }))
    }
  }

  #sayBox(bus: ReturnType<typeof createBus>, box_id: string, gone: boolean): void {
    const kind = gone ? 'deleted' : this.#boxes.has(box_id) ? 'updated' : 'created'
    if (gone) this.#boxes.delete(box_id)
    else this.#boxes.add(box_id)
    bus.announce('box.changed', boxFact({ box_id, kind }))
  }
}

/** A listener's picture of the world, made of nothing but what it hears. */
class Picture {
  readonly data: Record<string, JsonObject> = {}
  readonly patched: Record<string, ReadonlyMap<string, Json>> = {}
  readonly boxes: Record<string, string> = {}
  readonly events: string[] = []
  state = ''
  heard = 0

  hear({ name, content }: KytosEvent): void {
    this.heard++
    if (name === 'settings.changed') this.#changed(content as Changed)
    else if (name === 'box.changed') this.#box(content as BoxChanged)
    else if (name === 'settings.state') this.state = (content as Facts['settings.state']).state
    else this.events.push(name)
  }

  #changed({ namespace, previous, data, changes }: Changed): void {
    expect(previous).toEqual(this.data[namespace] ?? {})
    this.data[namespace] = data
    this.patched[namespace] = patch(this.patched[namespace] ?? new Map(), changes)
  }

  #box({ box_id, kind, revision }: BoxChanged): void {
    if (kind === 'deleted') delete this.boxes[box_id]
    else this.boxes[box_id] = revision
  }
}

/** All leaves by pointer; applying changes to these must lead to the leaves of the new data. */
function leaves(data: JsonObject): ReadonlyMap<string, Json> {
  return new Map(differences({}, data).map(({ path, new: value }) => [path, value ?? null]))
}

function patch(from: ReadonlyMap<string, Json>, changes: readonly ValueChange[]): ReadonlyMap<string, Json> {
  const to = new Map(from)
  for (const { path, old } of changes)
    for (const leaf of old === undefined ? [] : leavesBelow(path, old)) to.delete(leaf)
  for (const { path, new: value } of changes) {
    if (value === undefined) continue
    if (!isObject(value)) to.set(path, value)
    else for (const [below, leaf] of leaves(value)) to.set(path + below, leaf)
    if (isObject(value) && Object.keys(value).length === 0) to.set(path, value)
  }
  return to
}

function leavesBelow(path: string, value: Json): readonly string[] {
  return isObject(value) && Object.keys(value).length > 0
    ? [...leaves(value).keys()].map(below => path + below)
    : [path]
}

describe('a folded backlog', () => {
  it('leaves a listener in the same state as one that heard every step, however often it was folded', () => {
    fc.assert(
      fc.property(happenings, fc.array(fc.nat(40), { maxLength: 4 }), (schedule, cuts) => {
        const all: KytosEvent[] = []
        const bus = createBus()
        const spy = { ...bus, announce: keep(bus.announce), emit: keep(bus.emit) } as typeof bus
        function keep<Parts extends unknown[], Said extends KytosEvent>(
          say: (...parts: Parts) => Said,
        ): (...parts: Parts) => Said {
          return (...parts) => {
            const event = say(...parts)
            all.push(event)
            return event
          }
        }
        const chronicle = new Chronicle()
        for (const happening of schedule) chronicle.say(spy, happening)
        const facts = all
          .map((event, sequence) => ({ sequence, canCoalesce: true, event }))
          .filter(({ event }) => !event.name.startsWith('kytos/'))
        const whole = new Picture()
        for (const { event } of facts) whole.hear(event)
        let backlog: typeof facts = []
        facts.forEach((fact, i) => {
          backlog.push(fact)
          if (cuts.includes(i)) backlog = coalesceFacts(backlog)
        })
        const folded = coalesceFacts(backlog)
        const behind = new Picture()
        for (const { event } of folded) behind.hear(event)
        expect({ ...behind }).toEqual({ ...whole, heard: folded.length, patched: behind.patched })
        for (const [namespace, data] of Object.entries(whole.data))
          expect(behind.patched[namespace]).toEqual(leaves(data))
        expect(folded.map(({ sequence }) => sequence)).toEqual(
          folded.map(({ sequence }) => sequence).sort((a, b) => a - b),
        )
        expect(new Set(folded.map(subject)).size).toBe(folded.length)
        for (const fact of folded)
          expect(fact.sequence).toBe(facts.findLast(other => subject(other) === subject(fact))?.sequence)
      }),
      { numRuns: 300 },
    )
  })

  it('says previous of the first, data of the last, their differences with the apply modes of the steps, and resync', () => {
    const steps: Partial<Changed>[] = [
      {
        kind: 'created',
        previous: {},
        data: { poll: 3, vlans: [1] },
        changes: [change('/poll', 'live'), change('/vlans', 'reload')],
      },
      {
        kind: 'updated',
        previous: { poll: 3, vlans: [1] },
        data: { poll: 4, vlans: [1] },
        changes: [change('/poll', 'live')],
      },
      {
        kind: 'updated',
        previous: { poll: 4, vlans: [1] },
        data: { poll: 4, nest: { deep: 1 } },
        changes: [change('/nest', 'never')],
        version: 9,
      },
    ]
    const [folded] = coalesceFacts(
      steps.map((step, sequence) => ({
        sequence,
        canCoalesce: true,
        event: eventOf('settings.changed', changedFact(step)),
      })),
    )
    expect(folded?.event.content).toMatchObject({
      kind: 'created',
      origin: 'resync',
      version: 9,
      previous: {},
      data: { poll: 4, nest: { deep: 1 } },
      changes: [
        { path: '/poll', new: 4, apply: 'live' },
        { path: '/nest/deep', new: 1, apply: 'never' },
      ],
    })
  })

  it('leaves a fact alone that stands for nothing else', () => {
    const facts = ['kytos/a', 'kytos/b'].map((namespace, sequence) => ({
      sequence,
      canCoalesce: true,
      event: eventOf('settings.changed', changedFact({ namespace })),
    }))
    expect(coalesceFacts(facts)).toEqual(facts)
  })

  it('says what happened to a box in all', () => {
    const kinds = (...steps: BoxChanged['kind'][]) =>
      coalesceFacts(
        steps.map((kind, sequence) => ({
          sequence,
          canCoalesce: true,
          event: eventOf('box.changed', boxFact({ kind })),
        })),
      ).map(({ event }) => (event.content as BoxChanged).kind)
    expect(kinds('created', 'updated')).toEqual(['created'])
    expect(kinds('created', 'deleted')).toEqual(['deleted'])
    expect(kinds('deleted', 'created')).toEqual(['updated'])
    expect(kinds('updated', 'updated')).toEqual(['updated'])
  })
})

function subject({ event }: { event: KytosEvent }): string {
  const { namespace, box_id } = event.content as { namespace?: string; box_id?: string }
  return `${event.name} ${namespace} ${box_id}`
}

function change(path: string, apply: ValueChange['apply']): ValueChange {
  return { path, apply }
}

function eventOf(name: string, content: object): KytosEvent {
  return { id: '', name, content, timestamp: '', priority: 0, reinjections: 0 }
}

describe('differences', () => {
  it('are at the leaves, and none between equals', () => {
    fc.assert(
      fc.property(objects, objects, (before, after) => {
        expect(differences(before, before)).toEqual([])
        const found = differences(before, after).map(difference => ({
          ...difference,
          apply: 'live' as const,
        }))
        expect(patch(leaves(before), found)).toEqual(leaves(after))
      }),
    )
    expect(differences({ a: { 'x/y': 1 } }, { a: { 'x/y': 2 } })).toEqual([
      { path: `/a${pointerToken('x/y')}`, old: 1, new: 2 },
    ])
  })
})
