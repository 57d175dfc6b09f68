import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { printJson } from '../../../model/json.ts'
import { historyKey, makeKey } from '../../../model/key.ts'
import { isObject, type JsonObject } from '../../../model/value.ts'
import {
  parseObject,
  parseRecord,
  presentRecord,
  printRecord,
  type StoredRecord,
} from '../../../src/state/record.ts'
import { arbitraryJson } from '../model/arbitrary-json.ts'

const KEY = makeKey('settings', 'kytos', 'of_lldp')
const entry = (text: string, version = 3) => ({
  key: historyKey(KEY, version),
  text,
  modRevision: 9n,
  createRevision: 9n,
})

const record = fc.record({
  kind: fc.constantFrom('created', 'updated', 'deleted'),
  data: fc.option(
    arbitraryJson().filter((value): value is JsonObject => isObject(value)),
    { nil: undefined },
  ),
  actor: fc.record({ type: fc.constantFrom('napp', 'user', 'file', 'import', 'system'), name: fc.string() }),
  controller: fc.string(),
  comment: fc.option(fc.string({ unit: 'binary' }), { nil: undefined }),
  at: fc.constant('2025-01-01T00:00:00.000Z'),
  writeId: fc.uuid(),
})

describe('a history record', () => {
  it('is read as it was printed; the commit it tells of is its own, or the edit it adopts', () => {
    fc.assert(
      fc.property(
        record,
        fc.option(fc.bigInt({ min: 1n, max: 10n ** 30n }), { nil: undefined }),
        (one, adopts) => {
          const stored = { version: 3, ...one } as Omit<StoredRecord, 'of'>
          const read = parseRecord(entry(printRecord(stored, adopts)))
          expect(read && printJson(presentRecord(read) as never)).toBe(
            printJson(presentRecord({ ...stored, of: adopts ?? 9n }) as never),
          )
        },
      ),
    )
  })

  it('is the same whether its document was parsed before or not, and whatever another hand made of it', () => {
    const meddle = fc.constantFrom<(text: string) => string>(
      text => text,
      text => `${text.slice(0, -1)},"data":{"other":1}}`,
      text => text.replace('"data":', '"data": '),
      text => text.replace(/,"actor".*/s, '}'),
      text => `${text}x`,
    )
    fc.assert(
      fc.property(record, meddle, arbitraryJson(), (one, change, other) => {
        const text = change(printRecord({ version: 3, ...one } as Omit<StoredRecord, 'of'>))
        for (const data of [one.data, isObject(other) ? other : {}]) {
          const known = data && { text: printJson(data), data }
          const show = (read: StoredRecord | undefined) => read && printJson(presentRecord(read) as never)
          expect(show(parseRecord(entry(text), known))).toBe(show(parseRecord(entry(text))))
        }
      }),
    )
  })

  it('has the version of its key, whatever its text says', () => {
    const text = printRecord({
      version: 99,
      kind: 'updated',
      data: {},
      actor: { type: 'user', name: 'x' },
      controller: 'c',
      comment: undefined,
      at: '',
      writeId: 'w',
    })
    expect(parseRecord(entry(text, 7))?.version).toBe(7)
  })

  it.each([
    '',
    '{',
    '[]',
    '"x"',
    '{}',
    '{"kind":"renamed","actor":{"type":"robot","name":1},"write_id":5,"data":[],"revision":7}',
  ])('that another hand wrote (%j) takes its number and says nothing', text => {
    expect(parseRecord(entry(text))).toEqual({
      version: 3,
      of: 9n,
      stored: 9n,
      kind: 'updated',
      data: undefined,
      actor: { type: 'file', name: 'unknown' },
      controller: '',
      comment: undefined,
      at: '',
      writeId: '',
    })
  })

  it('is none below any other key', () => {
    expect(parseRecord({ ...entry('{}'), key: KEY })).toBeUndefined()
    expect(
      parseRecord({ ...entry('{}'), key: makeKey('history', 'settings', 'kytos', 'of_lldp', '3') }),
    ).toBeUndefined()
  })
})

describe('a stored document', () => {
  it('is a JSON object, and nests no deeper than its record can carry', () => {
    const nested = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
    expect(parseObject(nested(100))).toBeDefined()
    expect(parseObject(nested(128))).toBeUndefined()
    for (const text of ['', 'null', '[]', '1', '"{}"', '{"a":1e400}', '{"a":}'])
      expect(parseObject(text)).toBeUndefined()
  })
})
