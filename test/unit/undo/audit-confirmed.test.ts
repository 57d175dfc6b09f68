import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import type { AuditEntry } from '../../../events/history-nouns.ts'
import type { Facts } from '../../../events/map.ts'
import { pendingKey } from '../../../model/key.ts'
import { runVisible, visibilityOf } from '../../../model/rights/visibility.ts'
import type { JsonObject } from '../../../model/value.ts'
import { readAudit } from '../../../src/undo/audit.ts'
import type { Controller } from '../../support/controller.ts'
import { A, B, editByHand, expire, key, LONG, reaches, SOON } from '../pending/stage.ts'
import { createStore, open, openHand } from '../settings/stores.ts'

const STEPS = ['armed', 'extended', 'confirmed', 'cancelled', 'expired', 'overtaken']
const isStep = ({ kind }: AuditEntry): boolean => STEPS.includes(kind)
const show = ({ namespace, version, kind }: AuditEntry): string => `${namespace} ${version} ${kind}`
const arm = (one: Controller, n: number, ...namespaces: readonly string[]) =>
  one.ask('kytos.settings.transaction', {
    operations: namespaces.map(namespace => ({ namespace, data: { n } })),
    confirm_within: LONG,
    comment: `change ${n}`,
  })
const read = async (one: Controller, after?: string) =>
  one.ask('kytos.settings.audit', after === undefined ? {} : { after })

describe('the audit of confirmed commits', () => {
  it('has the actor, time and comment of each step, in order and from any cursor', async () => {
    const store = createStore()
    const one = await open(store)
    await arm(one, 1, A, B)
    const armed = await read(one)
    expect(armed.entries.map(show)).toEqual([
      ...[`${A} 1 created`, `${A} 1 armed`, `${B} 1 created`, `${B} 1 armed`],
    ])
    expect(armed.entries[0]).toMatchObject({ confirm_within: LONG, comment: 'change 1' })
    await arm(one, 2, A)
    const extended = await read(one, armed.next)
    expect(extended.entries.map(show)).toEqual([`${A} 2 updated`, `${A} 2 extended`, `${B} 1 extended`])
    await one.ask('kytos.settings.confirm', { namespace: B, comment: 'it works' })
    const { entries, next, more } = await read(one, extended.next)
    expect(entries.map(show)).toEqual([`${A} 2 confirmed`, `${B} 1 confirmed`])
    expect(entries[0]).toMatchObject({
      ...{ scope: 'cluster', controller: null, actor: { type: 'napp', name: 'kytos/test' } },
      ...{ comment: 'it works', confirm_within: LONG, baseline: 0, changes: null },
      write_id: extended.entries[0]?.write_id,
    })
    expect(Math.abs(Date.parse(entries[0]?.at ?? '') - Date.now())).toBeLessThan(60_000)
    expect(more).toBe(false)
    await arm(one, 3, A)
    await one.ask('kytos.settings.cancel', { namespace: A, comment: 'it does not' })
    const cancelled = await read(one, next)
    expect(cancelled.entries.map(show)).toEqual([`${A} 3 updated`, `${A} 4 updated`, `${A} 3 cancelled`])
    expect(cancelled.entries[2]).toMatchObject({ baseline: 2, comment: 'it does not' })
    await arm(one, 4, A)
    expire(store, A)
    await reaches(store, A, 'expired')
    await vi.waitFor(() => expect(one.service.health().state).toBe('READY'), SOON)
    const expired = await read(one, cancelled.next)
    expect(expired.entries.map(show)).toEqual([`${A} 5 updated`, `${A} 6 updated`, `${A} 5 expired`])
    expect(expired.entries[2]).toMatchObject({ actor: { type: 'system' }, baseline: 4 })
    await arm(one, 5, A)
    editByHand(store, A, '{"by":"hand"}')
    await reaches(store, A, 'overtaken')
    await vi.waitFor(async () => {
      const { entries } = await read(one, expired.next)
      // The place of a manual edit is that of its record, which may come before or after the end.
      expect(entries.map(show).sort()).toEqual([`${A} 7 overtaken`, `${A} 7 updated`, `${A} 8 updated`])
    }, SOON)
  })

  it('shows the change and its rollback once the end is pruned', async () => {
    const store = createStore()
    const one = await open(store)
    await arm(one, 1, A)
    await one.ask('kytos.settings.cancel', { namespace: A, comment: 'no' })
    store.commit([{ key: pendingKey(key(A)), delete: true }])
    const { entries } = await read(one)
    expect(entries.map(show)).toEqual([`${A} 1 created`, `${A} 2 deleted`])
    expect(entries).toMatchObject([{ confirm_within: LONG }, { comment: 'no' }])
  })

  it('starts at a time with a step, too', async () => {
    const store = createStore()
    const one = await open(store)
    vi.setSystemTime(new Date('2001-01-01T00:00:00Z'))
    await arm(one, 1, A)
    vi.useRealTimers()
    await one.ask('kytos.settings.confirm', { namespace: A })
    const { entries } = await one.ask('kytos.settings.audit', { from: '2002-01-01T00:00:00Z' })
    expect(entries.map(show)).toEqual([`${A} 1 confirmed`])
  })

  it('leaves out the steps of hidden namespaces', async () => {
    const store = createStore()
    const [one, hand] = [await open(store), await openHand(store)]
    await arm(one, 1, A, B)
    const limited = visibilityOf({ namespaces: [B], boxes: [] })
    const request = { after: 0n, limit: 100, protect: (_: unknown, data: JsonObject) => data }
    const { entries } = await runVisible(limited, () => readAudit(hand, request))
    expect(entries.map(show)).toEqual([`${B} 1 created`, `${B} 1 armed`])
  })

  it('in pages of any size, resumed while commits end, has each change once and the last step of each', async () => {
    const step = fc.oneof(
      fc.record({ arm: fc.subarray([A, B], { minLength: 1 }) }),
      fc.record({ end: fc.constantFrom('confirm', 'cancel'), of: fc.constantFrom(A, B) }),
      fc.record({ read: fc.integer({ min: 1, max: 4 }) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async steps => {
        const one = await open(createStore())
        const found: AuditEntry[] = []
        let after: string | undefined
        const readPage = async (limit: number): Promise<boolean> => {
          const content = { limit, ...(after !== undefined && { after }) }
          const page = await one.ask('kytos.settings.audit', content)
          found.push(...page.entries)
          after = page.next
          return page.more
        }
        let n = 0
        for (const step of steps) {
          if ('arm' in step) await arm(one, ++n, ...step.arm)
          else if ('read' in step) await readPage(step.read)
          else await one.ask(`kytos.settings.${step.end}`, { namespace: step.of }).catch(() => {})
        }
        while (await readPage(2));
        const changes = one.changes.map(({ content }) => content as Facts['settings.changed'])
        const places = ({ namespace, version }: { readonly namespace: string; readonly version: number }) =>
          `${namespace} ${version}`
        expect(found.filter(entry => !isStep(entry)).map(places)).toEqual(changes.map(places))
        const told = one.facts
          .filter(({ name }) => name === 'settings.pending')
          .map(({ content }) => content as Facts['settings.pending'])
        const announced = told.map(fact => `${fact.revision} ${fact.namespace} ${fact.kind}`)
        const seen = found
          .filter(isStep)
          .map(({ revision, namespace, kind }) => `${revision} ${namespace} ${kind}`)
        expect(announced.filter(one => seen.includes(one))).toEqual(seen)
        for (const name of [A, B]) {
          const last = told.findLast(({ namespace }) => namespace === name)
          if (last) expect(seen).toContain(`${last.revision} ${name} ${last.kind}`)
        }
        await one.close()
      }),
      { numRuns: 60 },
    )
  }, 60_000)
})
