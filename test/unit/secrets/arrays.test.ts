import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createMemoryBackend, createMemoryStore } from '../../../backends/memory/index.ts'
import { parseJson } from '../../../model/json.ts'
import { makeKey } from '../../../model/key.ts'
import { isArray, isObject, isSealed, type Json, type JsonObject } from '../../../model/value.ts'
import { createKeySet } from '../../../src/secrets/key-set.ts'
import { memoryKeySource } from '../../../src/secrets/key-source.ts'
import { type Controller, openController } from '../../support/controller.ts'

/*
 * Arrays of secrets whose items are removed, moved and inserted by their tags, by a controller with the keys
 * and by one without: each remaining item keeps its own secret, and what the second one writes has the sealed
 * texts that were stored before.
 */

const NAMESPACE = 'kytos/test'
const KEY = makeKey('settings', 'kytos', 'test')
const SECRET = { type: 'string', 'x-sensitive': true }
const SCHEMA = {
  type: 'object',
  properties: {
    keys: { type: 'array', items: SECRET },
    peers: {
      type: 'array',
      items: {
        type: 'object',
        properties: { name: { type: 'string' }, key: SECRET, more: { type: 'array', items: SECRET } },
      },
    },
  },
}
const WAIT = { timeout: 20_000, interval: 5 }

/** A change of one of the two arrays: a JSON Patch, or the whole document again without or with moved items. */
interface Step {
  readonly array: 'keys' | 'peers'
  readonly kind: 'first' | 'remove' | 'move' | 'shuffle' | 'filter'
  readonly isBlind: boolean
  readonly from: number
  readonly to: number
}

const word = fc.constantFrom('canary-1', 'canary-2', 'canary-3', 'canary-4')
const settings = fc.record({
  keys: fc.array(word, { maxLength: 5 }),
  peers: fc.array(
    fc.record({ name: fc.constantFrom('a', 'b', 'c'), key: word, more: fc.array(word, { maxLength: 3 }) }),
    { maxLength: 5 },
  ),
})
const step: fc.Arbitrary<Step> = fc.record({
  array: fc.constantFrom('keys', 'peers'),
  kind: fc.constantFrom('first', 'remove', 'move', 'shuffle', 'filter'),
  isBlind: fc.boolean(),
  from: fc.nat(4),
  to: fc.nat(4),
})

/** An array after a step; undefined when the step needs items that it does not have. */
function after(items: readonly Json[], { kind, from, to }: Step): Json[] | undefined {
  const rest = [...items]
  const at = kind === 'first' ? 0 : from
  if (kind === 'shuffle') return rest.reverse()
  if (kind === 'filter') return rest.filter((_, i) => i % 2 !== from % 2)
  if (at >= rest.length || (kind === 'move' && to >= rest.length)) return undefined
  const [item = null] = rest.splice(at, 1)
  if (kind === 'move') rest.splice(to, 0, item)
  return rest
}

function patchOf({ array, kind, from, to }: Step): JsonObject[] | undefined {
  if (kind === 'first') return [{ op: 'remove', path: `/${array}/0` }]
  if (kind === 'remove') return [{ op: 'remove', path: `/${array}/${from}` }]
  return kind === 'move' ? [{ op: 'move', from: `/${array}/${from}`, path: `/${array}/${to}` }] : undefined
}

/** The sealed texts in a value. */
function sealedIn(value: Json | undefined): readonly string[] {
  if (value === undefined) return []
  if (isSealed(value)) return [value.$sealed]
  if (isArray(value)) return value.flatMap(sealedIn)
  return isObject(value) ? Object.values(value).flatMap(sealedIn) : []
}

const retrieve = (controller: Controller) =>
  controller.ask('kytos.settings.retrieve', { namespace: NAMESPACE })

it('each item keeps its own secret when callers remove and move items by their tags', async () => {
  const store = createMemoryStore()
  const backend = () => createMemoryBackend(undefined, store)
  const owner = await openController({ backend, id: 'owner', keys: memoryKeySource(createKeySet()) })
  await owner.ask('kytos.settings.register', { namespace: NAMESPACE, schema: SCHEMA })
  await owner.ask('kytos.settings.update', { namespace: NAMESPACE, data: { keys: ['canary-0'] } })
  const blind = await openController({ backend, id: 'blind', keys: memoryKeySource() })
  const look = backend()
  await look.open()
  const stored = async () => parseJson((await look.get(KEY))?.text ?? '{}')
  try {
    await fc.assert(
      fc.asyncProperty(settings, fc.array(step, { maxLength: 6 }), async (first, steps) => {
        let { overrides, revision } = await owner.ask('kytos.settings.update', {
          namespace: NAMESPACE,
          data: first,
          method: 'PUT',
        })
        let model: JsonObject = first
        for (const one of steps) {
          const items = after(model[one.array] as Json[], one)
          const tags = after(overrides[one.array] as Json[], one)
          if (!items || !tags) continue
          const controller = one.isBlind ? blind : owner
          await expect.poll(async () => (await retrieve(controller)).revision, WAIT).toBe(revision)
          const before = sealedIn(await stored())
          const patch = patchOf(one)
          ;({ overrides, revision } = await controller.ask('kytos.settings.update', {
            namespace: NAMESPACE,
            ...(patch
              ? { method: 'JSON_PATCH', data: patch }
              : { method: 'PUT', data: { ...overrides, [one.array]: tags } }),
          }))
          model = { ...model, [one.array]: items }
          expect(overrides[one.array]).toEqual(tags)
          const now = sealedIn(await stored())
          expect(now.filter(text => !before.includes(text))).toEqual([])
        }
        await expect.poll(async () => (await retrieve(owner)).revision, WAIT).toBe(revision)
        expect((await retrieve(owner)).overrides).toEqual(model)
        expect(JSON.stringify((await retrieve(blind)).overrides)).not.toContain('canary')
      }),
      { numRuns: 40 },
    )
    expect(JSON.stringify([blind.facts, blind.log.lines, owner.log.lines])).not.toContain('canary')
  } finally {
    await Promise.all([owner.close(), blind.close(), look.close()])
  }
})
