import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { makeKey, tokenKey } from '../../../model/key.ts'
import { PERMISSIONS, withImplied } from '../../../model/permissions.ts'
import {
  createTokenId,
  createTokenText,
  hashToken,
  isTokenName,
  isTokenOf,
  parseStoredToken,
  printStoredToken,
  type StoredToken,
  tokenIdIn,
} from '../../../src/tokens/token.ts'

const TEXT = createTokenText('ab12')
const STORED: StoredToken = {
  id: 'ab12',
  name: 'alice',
  rights: ['read', 'secrets'],
  hash: hashToken(TEXT),
  created_at: '2024-02-29T00:00:00.000Z',
  created_by: { type: 'user', name: 'bob' },
  expires_at: '2024-03-01T00:00:00.000Z',
}
const entry = (text: string) => ({ key: tokenKey('ab12'), text, modRevision: 1n, createRevision: 1n })

describe('the text of a token', () => {
  it('holds its id and 256 bits that no other has', () => {
    expect(TEXT).toMatch(/^kytos_ab12_[A-Za-z0-9_-]{43}$/)
    expect(tokenIdIn(TEXT)).toBe('ab12')
    expect(new Set(Array.from({ length: 1_000 }, () => createTokenText('a'))).size).toBe(1_000)
    expect(createTokenId()).toMatch(/^[0-9a-f]{16}$/)
  })

  it.each([
    '',
    'kytos_',
    `${TEXT}x`,
    ` ${TEXT}`,
    `${TEXT}\n`,
    TEXT.replace('ab12', 'ab/12'),
    TEXT.replace('ab12', 'x'.repeat(33)),
    TEXT.toUpperCase(),
  ])('%j is none', text => {
    expect(tokenIdIn(text)).toBeUndefined()
  })
})

describe('what is stored of a token', () => {
  it('reads as it was written, and holds nothing of its text', () => {
    const text = printStoredToken(STORED)
    expect(parseStoredToken(entry(text))).toEqual(STORED)
    expect(text).not.toContain(TEXT.slice(11))
    expect(text).toContain(`sha256:${crypto.createHash('sha256').update(TEXT).digest('base64url')}`)
  })

  it('holds the limits of a token', () => {
    for (const limits of [
      { namespaces: ['kytos/*'], boxes: [] },
      { namespaces: ['kytos/*', 'acme/x'], boxes: ['kytos.*'] },
    ])
      expect(parseStoredToken(entry(printStoredToken({ ...STORED, ...limits })))).toEqual({
        ...STORED,
        ...limits,
      })
  })

  it('is told from every other text, in constant time', () => {
    const compare = vi.spyOn(crypto, 'timingSafeEqual')
    syncBuiltinESMExports()
    onTestFinished(() => {
      compare.mockRestore()
      syncBuiltinESMExports()
    })
    expect(isTokenOf(STORED.hash, TEXT)).toBe(true)
    for (const other of ['', TEXT.slice(0, -1), `${TEXT}a`, createTokenText('ab12')])
      expect(isTokenOf(STORED.hash, other)).toBe(false)
    expect(compare).toHaveBeenCalledTimes(5)
  })

  it.each([
    ['no JSON', '{'],
    ['no object', '[]'],
    ['no hash', JSON.stringify({ ...JSON.parse(printStoredToken(STORED)), hash: undefined })],
    ['another hash', JSON.stringify({ ...JSON.parse(printStoredToken(STORED)), hash: 'md5:abc' })],
    ['half a hash', JSON.stringify({ ...JSON.parse(printStoredToken(STORED)), hash: 'sha256:abc' })],
    ['no rights', JSON.stringify({ ...JSON.parse(printStoredToken(STORED)), rights: [] })],
    [
      'unknown rights',
      JSON.stringify({ ...JSON.parse(printStoredToken(STORED)), rights: ['root', '__proto__'] }),
    ],
    ['a name that breaks lines', JSON.stringify({ ...JSON.parse(printStoredToken(STORED)), name: 'a\nb' })],
    [
      'an end that cannot be read',
      JSON.stringify({ ...JSON.parse(printStoredToken(STORED)), expires_at: 'soon' }),
    ],
    [
      'no word on its end',
      JSON.stringify({ ...JSON.parse(printStoredToken(STORED)), expires_at: undefined }),
    ],
    // A token with limits that cannot be read must not see everything.
    ...[
      { namespaces: null },
      { namespaces: [] },
      { namespaces: 'kytos/*' },
      { namespaces: ['kytos'] },
      { namespaces: ['kytos/*', 7] },
      { namespaces: ['kytos/*'], boxes: 'kytos.*' },
      { namespaces: ['kytos/*'], boxes: ['a/b'] },
      { namespaces: ['kytos/*'], boxes: null },
      { boxes: [] },
      { boxes: ['kytos.*'] },
    ].map((limits): [string, string] => [
      `the limits ${JSON.stringify(limits)}`,
      JSON.stringify({ ...JSON.parse(printStoredToken(STORED)), ...limits }),
    ]),
  ])('is good for nothing with %s', (_what, text) => {
    expect(parseStoredToken(entry(text))).toBeUndefined()
  })

  it('may have rights of a newer release, which give nothing', () => {
    const text = JSON.stringify({ ...JSON.parse(printStoredToken(STORED)), rights: ['read', 'fly'] })
    expect(parseStoredToken(entry(text))?.rights).toEqual(['read'])
  })
})

it('rights bring along what they contain, and none brings secrets', () => {
  expect([...withImplied(['read'])]).toEqual(['read'])
  expect([...withImplied(['write'])].sort()).toEqual(['read', 'write'])
  expect([...withImplied(['admin'])].sort()).toEqual(['admin', 'read', 'write'])
  expect([...withImplied(['secrets'])]).toEqual(['secrets'])
  expect([...withImplied([])]).toEqual([])
  expect(PERMISSIONS.filter(right => withImplied(['admin', 'write', 'read']).has(right))).not.toContain(
    'secrets',
  )
})

it('names are those that may stand in a history', () => {
  for (const name of ['a', 'alice@example.org', 'ci-1', 'x'.repeat(64)]) expect(isTokenName(name)).toBe(true)
  for (const name of ['', ' a', '-a', 'a b', 'a\n', 'x'.repeat(65), 7, null, undefined])
    expect(isTokenName(name)).toBe(false)
  expect(tokenKey('ab12')).toBe(makeKey('tokens', 'ab12'))
})
