import type { IEvent } from 'etcd3'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toBatches } from '../../../../backends/etcd/events.ts'
import { KeyMapper } from '../../../../backends/etcd/key-mapper.ts'

const space = new KeyMapper('/p', () => {})

function event(revision: number, key: string, type: 'Put' | 'Delete' = 'Put'): IEvent {
  const kv = {
    key: Buffer.from(`/p/${key}`),
    value: Buffer.from('1'),
    mod_revision: String(revision),
    create_revision: '1',
    version: '1',
    lease: '0',
  }
  return { type, kv, prev_kv: kv }
}

describe('Events of etcd', () => {
  it('become one batch for each revision, whole, rising, in byte order of their keys, whatever is repeated', () => {
    const revisions = fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 20 })
    const keys = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'B', '_', '%41', '%FF'), { minLength: 1 })
    const history = revisions.chain(all =>
      fc.tuple(...all.sort((a, b) => a - b).map(revision => fc.tuple(fc.constant(revision), keys))),
    )
    fc.assert(
      fc.property(history, fc.nat(60), fc.nat(30), (groups, last, repeat) => {
        const events = groups.flatMap(([revision, of]) => of.map(key => event(revision, `settings/${key}`)))
        const batches = toBatches(space, [...events.slice(0, repeat), ...events], BigInt(last))
        // %41 is another spelling of A and %FF is no text, so they are nobody's keys.
        const ours = (of: readonly string[]): string[] =>
          of
            .filter(key => !key.startsWith('%'))
            .sort()
            .map(key => `settings/${key}`)
        expect(
          batches.map(({ revision, changes }) => [
            revision,
            changes.map(change => (change.type === 'put' ? change.entry.key : change.key)),
          ]),
        ).toEqual(
          groups
            .filter(([revision]) => revision > last)
            .map(([revision, of]) => [BigInt(revision), ours(of)]),
        )
      }),
    )
  })

  it('become deletes when a key was deleted or has expired', () => {
    expect(toBatches(space, [event(7, 'settings/a', 'Delete')], 0n)).toEqual([
      { revision: 7n, changes: [{ type: 'delete', key: 'settings/a', revision: 7n }] },
    ])
  })
})
