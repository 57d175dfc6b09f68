import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TransactionOperation } from '../../events/nouns.ts'
import { isSettingsError } from '../../model/errors.ts'
import type { JsonObject } from '../../model/value.ts'
import type { Controller } from '../support/controller.ts'
import { type Ground, openGround } from '../support/grounds.ts'
import { mergeReference } from '../support/merge-reference.ts'

/*
 * Many writers, hooks and controllers at once, on every kind of store. Invariants for any order of events:
 *
 *  1. A successful request has one record in the history of each of its documents, all of one revision. A
 *     rejected request has no record and no fact.
 *  2. The answer of a controller is the merge of default, cluster and its own overrides in the store.
 *  3. Each controller receives every version of every document once, in order. Facts of one namespace are
 *     chained, and at most one fact of each revision changes its data.
 */

const NAMESPACES = ['kytos/a', 'kytos/b', 'kytos/c']
const SCHEMA = {
  properties: {
    k: { type: 'integer', maximum: 90, default: 1 },
    deep: { properties: { x: { default: 1 }, y: { default: 1 } } },
  },
}
/** Refusals that the schedule brings about; anything else is a bug. */
const EXPECTED = ['SETTINGS_INVALID', 'CHANGE_VETOED', 'NAMESPACE_NOT_FOUND', 'REVISION_MISMATCH']

interface Step {
  readonly by: number
  readonly operations: readonly {
    readonly namespace: string
    readonly scope: string
    readonly value: number
    readonly kind: 'set' | 'replace' | 'delete'
  }[]
  readonly guarded: boolean
}

const operation = fc.record({
  namespace: fc.constantFrom(...NAMESPACES),
  scope: fc.constantFrom('cluster', 'cluster', 'cluster', 'controller:one', 'controller:two', 'controller'),
  value: fc.nat(99),
  kind: fc.constantFrom(
    'set' as const,
    'set' as const,
    'set' as const,
    'replace' as const,
    'delete' as const,
  ),
})
const step: fc.Arbitrary<Step> = fc.record({
  by: fc.nat(2),
  operations: fc.array(operation, { minLength: 1, maxLength: 4 }),
  guarded: fc.boolean(),
})
const plan = fc.array(fc.array(step, { minLength: 1, maxLength: 8 }), { minLength: 2, maxLength: 8 })

/** Each controller has a hook of its own that refuses some values and takes its time. */
function addHooks(controllers: readonly Controller[]): void {
  for (const [i, { bus }] of controllers.entries()) {
    bus.consume('kytos/a', {
      changing: async ({ data }) => {
        if (i === 1) await delay(Math.random() * 3)
        return Number(data.k) % 7 === i ? `${data.k} is not for me` : undefined
      },
    })
  }
}

interface Told {
  readonly comment: string
  readonly documents: ReadonlySet<string>
  /** Those of which the last operation is a deletion. */
  readonly deleted: ReadonlySet<string>
  readonly refused: string | undefined
}

/** Sends one request and returns its outcome. */
async function send(
  controllers: readonly Controller[],
  { by, operations, guarded }: Step,
  comment: string,
): Promise<Told> {
  const controller = controllers[by % controllers.length] as Controller
  const documents = new Set(
    operations.map(({ namespace, scope }) => `${namespace} ${nameScope(scope, by % controllers.length)}`),
  )
  const last = new Map(
    operations.map(({ namespace, scope, kind }) => [
      `${namespace} ${nameScope(scope, by % controllers.length)}`,
      kind,
    ]),
  )
  const deleted = new Set([...last].flatMap(([document, kind]) => (kind === 'delete' ? [document] : [])))
  try {
    const asked: TransactionOperation[] = []
    for (const { namespace, scope, value, kind } of operations) {
      const revision = guarded
        ? (await controller.ask('kytos.settings.retrieve', { namespace })).revision
        : undefined
      // A token of its own, so that each document of a request is surely changed by it.
      const data = { k: value, [`t_${comment}`]: 1, deep: { x: value } }
      const what =
        kind === 'delete'
          ? { method: 'DELETE' as const }
          : kind === 'replace'
            ? { method: 'PUT' as const, data }
            : { data }
      asked.push({ namespace, scope, ...what, ...(revision !== undefined && { revision }) })
    }
    await controller.ask('kytos.settings.transaction', { operations: asked, comment })
    return { comment, documents, deleted, refused: undefined }
  } catch (error) {
    if (!isSettingsError(error) || !EXPECTED.includes(error.code)) throw error
    return { comment, documents, deleted, refused: error.code }
  }
}

function nameScope(scope: string, by: number): string {
  return scope === 'controller' ? `controller:${['one', 'two', 'three'][by]}` : scope
}

const SCOPES = ['cluster', 'controller:one', 'controller:two', 'controller:three']

async function historyOf(controller: Controller, namespace: string, scope: string) {
  return controller.ask('kytos.settings.history', { namespace, scope, limit: 1_000 }).catch(error => {
    if (isSettingsError(error, 'NAMESPACE_NOT_FOUND')) return []
    throw error
  })
}

async function judge(controllers: readonly Controller[], told: readonly Told[]): Promise<void> {
  const [first] = controllers as [Controller]
  const records = []
  const stored = new Map<string, JsonObject | null>()
  for (const namespace of NAMESPACES) {
    for (const scope of SCOPES) {
      const history = await historyOf(first, namespace, scope)
      stored.set(`${namespace} ${scope}`, history[0]?.data ?? null)
      records.push(...history.map(record => ({ ...record, document: `${namespace} ${scope}` })))
    }
  }

  for (const { comment, documents, deleted, refused } of told) {
    const own = records.filter(record => record.comment === comment)
    if (refused) expect(own, `"${comment}" was refused (${refused})`).toEqual([])
    else {
      expect(new Set(own.map(({ revision }) => revision)).size).toBeLessThanOrEqual(1)
      // All documents, except those that a deletion found absent: every other operation changes its document.
      for (const document of documents) {
        const isThere = own.some(record => record.document === document)
        if (!isThere) expect(deleted.has(document), `"${comment}" left nothing in ${document}`).toBe(true)
      }
      expect(own.length).toBeLessThanOrEqual(documents.size)
    }
    for (const { facts } of controllers) {
      const heard = facts.filter(({ content }) => (content as { comment?: unknown }).comment === comment)
      expect(heard.length).toBe(refused ? 0 : own.length)
    }
  }

  for (const [i, controller] of controllers.entries()) {
    const own = ['one', 'two', 'three'][i]
    for (const namespace of NAMESPACES) {
      const { data } = await controller.ask('kytos.settings.retrieve', { namespace, fresh: true })
      const layers = [
        stored.get(`${namespace} cluster`) ?? {},
        stored.get(`${namespace} controller:${own}`) ?? {},
      ]
      expect(data).toEqual(mergeReference([{ k: 1, deep: { x: 1, y: 1 } }, ...layers]))
    }
    expectTold(controller, records)
  }
}

function expectTold(
  controller: Controller,
  records: readonly { readonly document: string; readonly version: number }[],
): void {
  const heard = new Map<string, number[]>()
  const last = new Map<
    string,
    { readonly data: JsonObject; readonly revision: string; readonly differs: boolean }
  >()
  for (const { content } of controller.changes) {
    if (!('scope' in content)) continue
    const { namespace, scope, revision, previous, data, version } = content
    const before = last.get(namespace)
    expect(previous).toEqual(before?.data ?? {})
    const differs = JSON.stringify(previous) !== JSON.stringify(data)
    if (before?.revision === revision && before.differs) expect(data).toEqual(previous)
    last.set(namespace, {
      data,
      revision,
      differs: differs || (before?.revision === revision && before.differs),
    })
    if (scope !== 'schema')
      heard.set(`${namespace} ${scope}`, [...(heard.get(`${namespace} ${scope}`) ?? []), version])
  }
  for (const versions of heard.values()) expect(versions).toEqual(versions.map((_, i) => i + 1))
  for (const { document, version } of records) expect(heard.get(document)).toContain(version)
}

describe.each([
  ['memory', 40],
  ['filesystem', 8],
  ['etcd', 8],
] as const)('on %s, many writers, hooks and controllers at once', (backend, numRuns) => {
  let ground: Ground
  beforeAll(async () => {
    ground = await openGround(backend)
  })
  afterAll(() => ground.stop())

  it('leave all accepted and no rejected changes, and the same settings everywhere', async () => {
    const tally = { accepted: 0, refused: new Map<string, number>() }
    await fc.assert(
      fc.asyncProperty(plan, writers =>
        ground.with(async controllers => {
          for (const namespace of NAMESPACES)
            await controllers[0]?.ask('kytos.settings.register', { namespace, schema: SCHEMA })
          for (const controller of controllers)
            for (const namespace of NAMESPACES)
              await controller.ask('kytos.settings.retrieve', { namespace, fresh: true })
          addHooks(controllers)
          const told: Told[] = []
          await Promise.all(
            writers.map(async (steps, w) => {
              for (const [i, one] of steps.entries()) told.push(await send(controllers, one, `${w}_${i}`))
            }),
          )
          await judge(controllers, told)
          for (const { refused } of told) {
            if (refused) tally.refused.set(refused, (tally.refused.get(refused) ?? 0) + 1)
            else tally.accepted++
          }
        }),
      ),
      { numRuns },
    )
    // The schedules do bring about what is judged.
    expect(tally.accepted).toBeGreaterThan(numRuns)
    for (const code of EXPECTED.filter(one => one !== 'NAMESPACE_NOT_FOUND'))
      expect(tally.refused.get(code), code).toBeGreaterThan(0)
  }, 60_000)
})
