import fc from 'fast-check'
import { CompactEncrypt, compactDecrypt } from 'jose'
import { describe, expect, it } from 'vitest'
import { isArray, isObject, type Json, type JsonObject } from '../../../model/value.ts'
import { openValue, readHeader, sealValue } from '../../../src/secrets/compact-jwe.ts'
import { createKeySet, parseKeySet, printKeySet, withNewKey } from '../../../src/secrets/key-set.ts'
import { Secrets } from '../../../src/secrets/secrets.ts'
import { tagOf } from '../../../src/secrets/tag.ts'

const NAMESPACE = 'kytos/test'
const SECRET = { 'x-sensitive': true }

function secretsWith(schema: JsonObject): Secrets {
  const secrets = new Secrets()
  secrets.keys = createKeySet()
  secrets.learn(NAMESPACE, 'digest', schema)
  return secrets
}

/** The pointers of the values that a schema makes secret. */
function sealedIn(schema: JsonObject, data: JsonObject): string[] {
  const found: string[] = []
  const visit = (value: Json, pointer: string): void => {
    if (isObject(value) && typeof value.$sealed === 'string') found.push(pointer)
    else if (isArray(value)) for (const [i, item] of value.entries()) visit(item, `${pointer}/${i}`)
    else if (isObject(value)) for (const [key, one] of Object.entries(value)) visit(one, `${pointer}/${key}`)
  }
  visit(secretsWith(schema).seal(NAMESPACE, data).data, '')
  return found
}

describe('the sensitive places of a schema', () => {
  const ways: readonly (readonly [string, JsonObject, JsonObject, readonly string[]])[] = [
    ['a property', { properties: { a: SECRET } }, { a: 1, b: 1 }, ['/a']],
    ['a $ref', { properties: { a: { $ref: '#/$defs/s' } }, $defs: { s: SECRET } }, { a: 1 }, ['/a']],
    [
      'an $anchor',
      { properties: { a: { $ref: '#s' } }, $defs: { s: { $anchor: 's', ...SECRET } } },
      { a: 1 },
      ['/a'],
    ],
    [
      'an embedded $id',
      {
        properties: { a: { $ref: 'https://x.example/s' } },
        $defs: { s: { $id: 'https://x.example/s', ...SECRET } },
      },
      { a: 1 },
      ['/a'],
    ],
    [
      'items of objects',
      { properties: { l: { items: { properties: { k: SECRET } } } } },
      { l: [{ k: 'x', n: 1 }, { k: 'y' }] },
      ['/l/0/k', '/l/1/k'],
    ],
    ['prefixItems', { properties: { l: { prefixItems: [{}, SECRET] } } }, { l: [1, 2] }, ['/l/0', '/l/1']],
    ['additionalProperties', { properties: { a: {} }, additionalProperties: SECRET }, { a: 1, b: 2 }, ['/b']],
    ['patternProperties', { patternProperties: { _key$: SECRET } }, { x_key: 1, y: 2 }, ['/x_key']],
    [
      'a branch of oneOf',
      { oneOf: [{ properties: { a: SECRET } }, { properties: { b: {} } }] },
      { a: 1, b: 1 },
      ['/a'],
    ],
    ['allOf and else', { allOf: [{ if: false, else: { properties: { a: SECRET } } }] }, { a: [1] }, ['/a']],
    [
      'a recursive schema',
      { properties: { child: { $ref: '#' }, a: SECRET } },
      { child: { child: { a: 1 } } },
      ['/child/child/a'],
    ],
    ['a whole object', { properties: { a: SECRET } }, { a: { b: { c: 1 } } }, ['/a']],
    ['the root', SECRET, { a: 1, b: { c: 2 } }, ['/a', '/b']],
    [
      'a key that looks like an index',
      { properties: { l: { properties: { '*': SECRET } } } },
      { l: { '*': 1 } },
      ['/l/*'],
    ],
  ]
  it.each(ways)('are found behind %s', (_, schema, data, expected) => {
    expect(sealedIn(schema, data)).toEqual(expected)
  })
})

describe('a sealed value', () => {
  const header = { kid: 'k', namespace: NAMESPACE, place: '/a', tag: 't' }
  const { sealing, tag } = createKeySet()
  const key = sealing[0]?.bytes as Uint8Array

  it('is a compact JWE that jose opens, and one of jose opens here', async () => {
    const sealed = sealValue(key, header, { a: 'ü', n: 2n ** 60n })
    const { plaintext, protectedHeader } = await compactDecrypt(sealed, key)
    expect(Buffer.from(plaintext).toString()).toBe('{"a":"ü","n":1152921504606846976}')
    expect(protectedHeader).toEqual({ alg: 'dir', enc: 'A256GCM', ...header })
    const theirs = await new CompactEncrypt(Buffer.from('"hello"'))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', ...header })
      .encrypt(key)
    expect(openValue(key, theirs)).toEqual({ value: 'hello' })
    expect(readHeader(theirs)).toEqual(header)
  })

  it('opens with its key and unchanged only', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(), fc.nat(61), (generated, at, by) => {
        const value = JSON.parse(JSON.stringify(generated)) as Json
        const sealed = sealValue(key, header, value)
        expect(openValue(key, sealed)).toEqual({ value })
        const place = at % sealed.length
        const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
        const letter = letters[by] as string
        const changed = sealed.slice(0, place) + letter + sealed.slice(place + 1)
        // The last letter of a part may have bits that mean nothing.
        const isSame = changed
          .split('.')
          .every((part, i) =>
            Buffer.from(part, 'base64url').equals(Buffer.from(sealed.split('.')[i] ?? '', 'base64url')),
          )
        const isHeader = place < sealed.indexOf('.')
        if (changed !== sealed && (isHeader || !isSame)) expect(openValue(key, changed)).toBeUndefined()
        expect(openValue(key, sealed.slice(0, place))).toBeUndefined()
        expect(openValue(createKeySet().tag.bytes, sealed)).toBeUndefined()
      }),
    )
  })

  it('has equal tags for equal values of one place only', () => {
    const place = { namespace: NAMESPACE, place: '/a' }
    const one = tagOf(tag.bytes, place, { a: 1, b: 2 })
    expect(one).toMatch(/^[\w-]{22}$/)
    expect(tagOf(tag.bytes, place, { b: 2, a: 1 })).toBe(one)
    expect(tagOf(tag.bytes, { ...place, place: '/b' }, { a: 1, b: 2 })).not.toBe(one)
    expect(tagOf(tag.bytes, { ...place, namespace: 'kytos/other' }, { a: 1, b: 2 })).not.toBe(one)
  })
})

describe('stored settings', () => {
  it('have the values of before after they were sealed, shown, stored and revealed', () => {
    const schema = {
      properties: { a: SECRET, l: { items: { properties: { k: SECRET } } } },
      additionalProperties: { properties: { s: SECRET } },
    }
    const secret = fc.jsonValue().filter(value => !JSON.stringify(value).includes('$sealed'))
    const settings = fc.record(
      {
        a: secret,
        l: fc.array(fc.record({ k: secret, n: fc.nat() }, { requiredKeys: [] }), { maxLength: 4 }),
        x: fc.record({ s: secret, t: fc.string() }, { requiredKeys: [] }),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(settings, generated => {
        const data = JSON.parse(JSON.stringify(generated)) as JsonObject
        const secrets = secretsWith(schema)
        const shown = secrets.seal(NAMESPACE, data).data
        const stored = secrets.store(NAMESPACE, shown)
        // Another process reads the store with the same keys.
        const other = secretsWith(schema)
        other.keys = secrets.keys
        expect(other.show(NAMESPACE, stored)).toEqual(shown)
        expect(other.reveal(NAMESPACE, shown)).toEqual(data)
        expect(other.store(NAMESPACE, shown)).toEqual(stored)
        // A process without keys shows and passes on the same.
        const blind = new Secrets()
        expect(blind.show(NAMESPACE, stored)).toEqual(shown)
        expect(blind.store(NAMESPACE, shown)).toEqual(stored)
        expect(secrets.protect(NAMESPACE, data)).toEqual(shown)
      }),
      { numRuns: 200 },
    )
  })
})

it('a set of keys survives its text, and a new key opens what older ones sealed', () => {
  const first = createKeySet()
  const second = parseKeySet(printKeySet(withNewKey(first)), 'test')
  expect(second.sealing).toHaveLength(2)
  const secrets = secretsWith({ properties: { a: SECRET } })
  secrets.keys = first
  const stored = secrets.store(NAMESPACE, { a: 1 })
  const later = secretsWith({ properties: { a: SECRET } })
  later.keys = second
  const shown = later.show(NAMESPACE, stored)
  expect(later.reveal(NAMESPACE, shown)).toEqual({ a: 1 })
  expect(later.takeOutdated()).toEqual([NAMESPACE])
  const renewed = later.renew(NAMESPACE, stored)
  expect(renewed).not.toEqual(stored)
  expect(later.renew(NAMESPACE, renewed)).toBe(renewed)
  expect(later.show(NAMESPACE, renewed)).toEqual(shown)
  // The older text, read once more from the history, does not take the place of the newer one.
  const third = secretsWith({ properties: { a: SECRET } })
  third.keys = second
  for (const text of [renewed, stored]) third.show(NAMESPACE, text)
  expect(third.store(NAMESPACE, shown)).toEqual(renewed)
})

it.each(['', '{', '{"keys":[]}', '{"keys":[{"kty":"oct","use":"enc","kid":"a","k":"c2hvcnQ"}]}'])(
  'the text %j is refused as keys without being quoted',
  text => {
    expect(() => parseKeySet(text, 'file.json')).toThrow(/^file\.json is no JWK set of this program/)
  },
)
