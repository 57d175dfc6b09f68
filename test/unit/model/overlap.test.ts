import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { historyKey, isDocumentKey, type Key, KINDS, makeKey, parseKey } from '../../../model/key.ts'
import {
  isBelow,
  isDoubtful,
  isNestedKey,
  isStoreMark,
  nestedPlace,
  outerPlaces,
} from '../../../model/overlap.ts'

const segment = fc.oneof(
  fc.constantFrom(...KINDS, 'store', 'kytos', '000000000001'),
  fc.stringMatching(/^[a-z0-9._-]{1,8}$/),
)
const overrides = fc.oneof(
  fc.tuple(segment, segment).map(([username, name]) => makeKey('settings', username, name)),
  fc
    .tuple(segment, segment, segment)
    .map(([id, username, name]) => makeKey('controllers', id, username, name)),
)
/** Keys of documents as the service makes them, with names that are also words of ours. */
const documents: fc.Arbitrary<Key> = fc.oneof(
  overrides,
  fc.tuple(overrides, fc.integer({ min: 1, max: 9_999 })).map(([key, version]) => historyKey(key, version)),
  fc.tuple(fc.constantFrom('armed', 'pending'), overrides).map(([kind, key]) => keyOf(`${kind}/${key}`)),
  fc.tuple(segment, segment).map(([namespace, id]) => makeKey('boxes', namespace, id)),
  fc.tuple(segment, segment).map(([id, n]) => makeKey('presence', id, n)),
  fc.tuple(segment, segment, segment).map(parts => makeKey('schemas', ...parts)),
  segment.map(id => makeKey('tokens', id)),
  fc.constantFrom(makeKey('meta', 'store'), makeKey('meta', 'keys')),
)

function keyOf(text: string): Key {
  const key = parseKey(text)
  if (key === undefined) throw new Error(`${text} is no key.`)
  return key
}

describe('The keys of a store', () => {
  it('are documents of ours, and never those of a nested store', () => {
    fc.assert(
      fc.property(documents, key => {
        expect(isDocumentKey(key)).toBe(true)
        expect(isNestedKey(key)).toBe(false)
      }),
    )
  })

  it('are, below a place in another store, either no documents of that one, or known to be doubtful there', () => {
    const places = fc
      .tuple(fc.constantFrom(...KINDS), fc.array(segment, { maxLength: 3 }))
      .map(([kind, rest]) => `${makeKey(kind, 'x', ...rest)}/`.replace('/x', ''))
    fc.assert(
      fc.property(places, documents, (place, key) => {
        const address = keyOf(place + key)
        expect(isDocumentKey(address)).toBe(!isNestedKey(address))
        expect(isBelow(address, [place])).toBe(true)
        expect(isDoubtful(address, '{"n":1}', [place])).toBe(true)
      }),
    )
  })

  it.each([
    'settings/x',
    'settings/x/y/z',
    'boxes/x',
    'tokens/x/y',
    'history/settings/a/b',
    'history/boxes/a/b/000000000001',
    'pending/boxes/a/b',
    'meta/a/b',
  ])('are not shaped like %s', text => expect(isDocumentKey(keyOf(text))).toBe(false))

  it('overlap with those of the stores above whose kinds lead to them, nearest first', () => {
    expect(outerPlaces('/x/settings/y')).toEqual(['/x'])
    expect(outerPlaces('/x/settings/boxes')).toEqual(['/x/settings', '/x'])
    expect(outerPlaces('/settings')).toEqual([''])
    expect(outerPlaces('/x/tokens/')).toEqual(['/x'])
    for (const prefix of ['/x', '/x/y', '/settingsx/y', '/x/Settings', 'settings', '', '/'])
      expect(outerPlaces(prefix)).toEqual([])
  })

  it('tell where a nested store is', () => {
    expect(nestedPlace('settings/meta/store')).toBe('settings/')
    expect(nestedPlace('boxes/a.b/c/meta/store')).toBe('boxes/a.b/c/')
    for (const address of ['meta/store', 'other/meta/store', 'settings/meta/stores', 'meta/keys'])
      expect(nestedPlace(address)).toBeUndefined()
  })
})

describe('A text', () => {
  it('says that a store is there only as a store does', () => {
    for (const text of [
      '{"format":1,"epoch":5}',
      '{"format":9,"epoch":5,"more":1}',
      '{"format":1,"filling":{"from":"x"}}',
    ])
      expect(isStoreMark(text)).toBe(true)
    for (const text of [
      '',
      '{}',
      '{"format":1}',
      '{"epoch":5}',
      '{"format":"1","epoch":5}',
      '[1]',
      '{"data":{"format":1,"epoch":5}}',
    ])
      expect(isStoreMark(text)).toBe(false)
  })

  it('makes a key doubtful where it holds a token or the mark of a store, and not where it is a box', () => {
    const token = `{"name":"a","rights":["read"],"hash":"sha256:${'h'.repeat(43)}"}`
    const box = '{"data":1,"created_at":"t","owner":null}'
    expect(isDoubtful(keyOf('settings/tokens/a'), token, [])).toBe(true)
    expect(isDoubtful(keyOf('settings/tokens/a'), '{"hash":"sha256:short","rights":[]}', [])).toBe(false)
    expect(isDoubtful(keyOf('tokens/a'), token, [])).toBe(false)
    expect(isDoubtful(keyOf('settings/meta/store'), '{"format":1,"epoch":5}', [])).toBe(true)
    expect(isDoubtful(keyOf('meta/store'), '{"format":1,"epoch":5}', [])).toBe(false)
    expect(isDoubtful(keyOf('boxes/tokens/a'), box, ['boxes/'])).toBe(false)
    expect(isDoubtful(keyOf('boxes/tokens/a'), token, ['boxes/'])).toBe(true)
  })
})
