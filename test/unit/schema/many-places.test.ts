import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Json, type JsonObject, pointerTo } from '../../../model/value.ts'
import { describeErrors } from '../../../src/schema/broken-rules.ts'
import { placesOf } from '../../../src/schema/deprecated.ts'
import { createReader, valueAt } from '../../../src/schema/exact-keywords.ts'

/*
 * What is looked up for many places of one document at once: the same answers as one by one, with less work.
 */

const token = fc.constantFrom('a', 'b', '0', '1', '', '~', '/', 'a-')
const pointer = fc.array(token, { maxLength: 4 }).map(pointerTo)

describe('Many places of a document', () => {
  it('are read as each of them is', () => {
    const json = fc.jsonValue({ maxDepth: 4 }).map(value => value as Json)
    fc.assert(
      fc.property(fc.oneof(json, fc.dictionary(token, json)), fc.array(pointer), (data, pointers) => {
        const read = createReader(data)
        expect(pointers.map(read)).toEqual(pointers.map(one => valueAt(data, one)))
      }),
      { numRuns: 500 },
    )
  })

  it('are matched with the deprecated ones as each of them is', () => {
    fc.assert(
      fc.property(fc.array(pointer), fc.array(pointer), (places, paths) => {
        const isWithin = (place: string) => (path: string) => path === place || path.startsWith(`${place}/`)
        expect(placesOf(places, paths)).toEqual(places.filter(place => paths.some(isWithin(place))))
      }),
      { numRuns: 500 },
    )
  })

  it('are matched with many deprecated ones in less than 1 s of CPU time', () => {
    const lead = '/level'.repeat(30)
    const paths = Array.from({ length: 20_000 }, (_, i) => `${lead}/p${i}/x`)
    const places = Array.from({ length: 1_500 }, (_, i) => `${lead}/p${i}`)
    const start = process.cpuUsage()
    expect(placesOf(places, paths)).toEqual(places)
    expect(
      placesOf(
        places.map(place => `${place}/y`),
        paths,
      ),
    ).toEqual([])
    const { user, system } = process.cpuUsage(start)
    expect((user + system) / 1_000).toBeLessThan(1_000)
  })
})

describe('The rules that a document breaks', () => {
  it('are described with what is expected, which is printed once for all of them', () => {
    let reads = 0
    const expected = new Proxy({ const: 'x'.repeat(100) } as JsonObject, {
      ownKeys: target => {
        reads++
        return Reflect.ownKeys(target)
      },
    })
    const data = { a: Array.from({ length: 900 }, (_, i) => i) }
    const schema = { not: expected }
    const errors = data.a.map(i => ({
      keyword: 'not',
      instancePath: `/a/${i}`,
      schemaPath: '#/not',
      params: {},
      parentSchema: schema,
    }))
    const rules = describeErrors(errors, data, () => schema)
    expect(rules).toHaveLength(900)
    expect(rules[0]?.expected).toBe(expected)
    // The message of each rule prints the beginning of it, too.
    expect(reads).toBeLessThan(1_000)
  })
})
