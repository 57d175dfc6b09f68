import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AuditEntry } from '../../events/history-nouns.ts'
import { isSettingsError, toSettingsError } from '../../model/errors.ts'
import { makeKey } from '../../model/key.ts'
import type { Json, JsonObject } from '../../model/value.ts'
import { pruneHistory } from '../../src/settings/housekeeper.ts'
import type { Controller } from '../support/controller.ts'
import { type Ground, openGround } from '../support/grounds.ts'

/*
 * Rollbacks of several controllers at once, among other changes, on every kind of store. Invariants for any
 * order of events:
 *
 *  1. A rollback that was answered has a record whose overrides are those of the version, or the version was
 *     in effect already.
 *  2. The rollback of a transaction has a record in all of its documents that differ, all of one revision, or
 *     none.
 *  3. Each controller receives every version of every document once, in order.
 *  4. The audit is the same on every controller, in whichever pages it is read.
 */

const NAMES = ['kytos/a', 'kytos/b', 'kytos/c']

const step = fc.record({
  by: fc.nat(2),
  do: fc.constantFrom('put', 'put', 'both', 'delete', 'rollback', 'rollback', 'undo'),
  name: fc.constantFrom(...NAMES),
  value: fc.nat(9),
  version: fc.nat(5),
})
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never
const plan = fc.array(fc.array(step, { minLength: 1, maxLength: 6 }), { minLength: 3, maxLength: 5 })

/** The refusals that a schedule brings about. */
const EXPECTED = ['NAMESPACE_NOT_FOUND', 'VERSION_NOT_FOUND', 'REVISION_MISMATCH']

async function run(one: Controller, { do: what, name, value, version }: Step, id: string | undefined) {
  if (what === 'put')
    await one.ask('kytos.settings.update', { namespace: name, data: { value }, method: 'PUT' })
  else if (what === 'both')
    await one.ask('kytos.settings.transaction', {
      operations: NAMES.slice(1).map(namespace => ({ namespace, data: { value }, method: 'PUT' })),
      comment: 'both',
    })
  else if (what === 'delete') await one.ask('kytos.settings.delete', { namespace: name })
  else if (what === 'rollback') {
    const { overrides } = await one.ask('kytos.settings.rollback', { namespace: name, version })
    const records = await one.ask('kytos.settings.history', { namespace: name, limit: 1_000 })
    expect(overrides).toEqual(records.find(one => one.version === version)?.data ?? {})
  } else if (id !== undefined) await one.ask('kytos.settings.rollback_transaction', { write_id: id })
}

async function readAudit(one: Controller, limit: number): Promise<AuditEntry[]> {
  const entries: AuditEntry[] = []
  for (let after: string | undefined; ; ) {
    const page = await one.ask('kytos.settings.audit', { limit, ...(after !== undefined && { after }) })
    entries.push(...page.entries)
    if (!page.more) return entries
    after = page.next
  }
}

async function historiesOf(one: Controller) {
  const histories = new Map<
    string,
    readonly { readonly version: number; readonly data: JsonObject | null }[]
  >()
  for (const namespace of NAMES) {
    const records = await one
      .ask('kytos.settings.history', { namespace, limit: 1_000 })
      .catch(() => [] as const)
    histories.set(namespace, records.toReversed())
  }
  return histories
}

describe.each(['memory', 'filesystem', 'etcd'] as const)('Rollbacks among other changes on %s', backend => {
  let ground: Ground
  beforeAll(async () => {
    ground = await openGround(backend)
  }, 60_000)
  afterAll(() => ground?.stop())

  it('end in one order that all controllers tell alike', async () => {
    await fc.assert(
      fc.asyncProperty(plan, rounds =>
        ground.with(async controllers => {
          const at = (n: number): Controller => controllers[n % controllers.length] as Controller
          for (const steps of rounds) {
            const { entries } = await at(0).ask('kytos.settings.audit', { limit: 1_000 })
            const id = entries.findLast(({ comment }) => comment === 'both')?.write_id
            await Promise.all(
              steps.map(step =>
                run(at(step.by), step, id).catch(error => {
                  if (!isSettingsError(error) || !EXPECTED.includes(error.code)) throw error
                }),
              ),
            )
          }
          const histories = await historiesOf(at(0))
          const total = [...histories.values()].flat().length
          const audit = await readAudit(at(0), 3)
          expect(audit).toHaveLength(total)
          for (const one of controllers) {
            await expect.poll(() => one.changes.length, { timeout: 30_000 }).toBeGreaterThanOrEqual(total)
            expect(await readAudit(one, 1_000)).toEqual(audit)
            for (const [name, records] of histories)
              expect(
                one.changes.flatMap(({ content }) =>
                  'version' in content && content.namespace === name ? [content.version] : [],
                ),
              ).toEqual(records.map(({ version }) => version))
          }
          const revisions = new Map<string, string>()
          for (const { comment, write_id, revision } of audit)
            if (comment?.startsWith('rollback of the transaction'))
              expect(revisions.set(write_id, revisions.get(write_id) ?? revision).get(write_id)).toBe(
                revision,
              )
        }),
      ),
      { numRuns: backend === 'memory' ? 20 : 5 },
    )
  }, 120_000)

  it('are refused for a version that is no longer kept or no longer fits, one by one and together', async () => {
    await ground.with(async ([one, ...others], backend) => {
      if (!one) return expect.fail('no controller')
      const last = others.at(-1) ?? one
      const [a = '', b = ''] = NAMES
      const put = (namespace: string, data: JsonObject) =>
        one.ask('kytos.settings.update', { namespace, data, method: 'PUT' })
      const both = (rate: Json) =>
        one.ask('kytos.settings.transaction', {
          operations: [a, b].map(namespace => ({ namespace, method: 'PUT', data: { rate, depth: 'deep' } })),
        })
      const writeIds = async (namespace: string) =>
        (await one.ask('kytos.settings.history', { namespace, limit: 100 })).map(({ write_id }) => write_id)
      await both('slow')
      await both(1)
      const [second = ''] = await writeIds(a)
      await one.ask('kytos.settings.register', {
        namespace: b,
        schema: { properties: { rate: { type: 'integer' }, depth: { type: 'integer' } } },
      })
      for (const rate of [2, 3, 4]) await put(b, { rate, depth: 'deep' })
      const state = () =>
        Promise.all(NAMES.slice(0, 2).map(namespace => one.ask('kytos.settings.retrieve', { namespace })))
      const before = await state()
      const refused = (version: number, dry_run = false) =>
        last.ask('kytos.settings.rollback', { namespace: b, version, dry_run }).catch(toSettingsError)
      const undo = (write_id: string) =>
        last.ask('kytos.settings.rollback_transaction', { write_id, force: true }).catch(toSettingsError)
      // The rejected value of "depth" is no change, that of "rate" is one.
      for (const isDry of [true, false])
        expect(await refused(1, isDry)).toMatchObject({
          ...{ code: 'SETTINGS_INVALID', details: { errors: [{ pointer: '/rate' }] } },
        })
      expect(await undo(second)).toMatchObject({ code: 'SETTINGS_INVALID' })
      await pruneHistory(backend, makeKey('settings', ...b.split('/')), {
        ...{ newest: 3, youngest: Number.POSITIVE_INFINITY },
      })
      expect(await refused(2)).toMatchObject({ code: 'VERSION_PRUNED', details: { version: 2 } })
      expect(await undo(second)).toMatchObject({ code: 'VERSION_PRUNED' })
      expect(await refused(9)).toMatchObject({ code: 'VERSION_NOT_FOUND' })
      expect(await state()).toEqual(before)
      expect(await refused(3)).toMatchObject({ overrides: { rate: 2, depth: 'deep' }, version: 6 })
    })
  }, 60_000)
})
