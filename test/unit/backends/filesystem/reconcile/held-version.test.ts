import { describe, expect, it } from 'vitest'
import { NO_FILE } from '../../../../../backends/filesystem/format/file-version.ts'
import { hashOf, readableText } from '../../../../../backends/filesystem/format/readable.ts'
import { lastHeld, withHashes } from '../../../../../backends/filesystem/reconcile/held-version.ts'

const version = (text: string) => ({ hash: undefined, text })
const versions = withHashes([
  NO_FILE,
  version('{"a":1}'),
  version('{"a":1,"b":2}'),
  version('{"a":1,"b":2,"c":3}'),
])

describe('What a file held before it was edited', () => {
  it('is the version that it still holds, however old, as when a process died before writing it', () => {
    for (const one of versions) expect(lastHeld(versions, one.hash ?? null, undefined)).toBe(one)
    expect(versions[1]?.hash).toBe(hashOf(readableText('{"a":1}')))
  })

  it('is no file when this store had taken it away, whatever document it stood for', () => {
    const taken = withHashes([version('{"a":1}'), { hash: null, text: '{"a":1}' }, version('{"a":2}')])
    expect(lastHeld(taken, null, undefined)).toEqual({ hash: null, text: '{"a":1}' })
  })

  it('is the version from which the edit is the smallest', () => {
    expect(lastHeld(versions, 'edited', { a: 1, b: 2, x: 9 }).text).toBe('{"a":1,"b":2}')
    expect(lastHeld(versions, 'edited', { a: 7 }).text).toBe('{"a":1}')
  })

  it('is the newest version when nothing can be told from the content', () => {
    expect(lastHeld(versions, 'broken', undefined).text).toBe('{"a":1,"b":2,"c":3}')
  })
})
