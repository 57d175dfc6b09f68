import type { Backend, Change, Operation } from '../../../backends/backend.ts'
import type { Entry } from '../../../model/document.ts'
import type { Key } from '../../../model/key.ts'
import { type Mutant, mutant, operationMutant, pagesOf } from './mutant.ts'

/** Broken texts, keys and limits. */
export const contentMutants: readonly Mutant[] = [
  textMutant('big integers are rounded', text =>
    text.replaceAll(/(?<![\d.])\d{16,}(?![\d.])/g, digits =>
      Number(digits).toLocaleString('en', { useGrouping: false }),
    ),
  ),
  textMutant('members named __proto__ are dropped', text =>
    text.replaceAll(/"__proto__"\s*:\s*(?:null|\d+|\{[^{}]*\}),?/g, ''),
  ),
  textMutant('texts are trimmed', text => text.trim()),
  textMutant('texts lose their bare line ends of other systems', text => text.replaceAll('\r\n', '\n')),
  textMutant('texts are printed anew', text => JSON.stringify(JSON.parse(text))),
  textMutant('texts are brought to one form of Unicode', text => text.normalize('NFC')),
  textMutant('texts lose signs beyond the basic plane', text =>
    text.replaceAll(/[\u{10000}-\u{10ffff}]/gu, '\ufffd'),
  ),
  textMutant('texts are cut at 512 KiB', text =>
    text.length > 512 * 1024 ? text.slice(0, 512 * 1024) : text,
  ),
  textMutant('minus zero becomes zero', text => text.replaceAll(/-0(?![\d.])/g, '0')),
  keyMutant('keys lose what their percent signs encode', key => key.replaceAll(/%[0-9A-F]{2}/g, '_')),
  keyMutant('keys are the same in upper and lower case', key => key.toLowerCase()),
  keyMutant('keys are one when Unicode holds their texts alike', key =>
    encodeURI(decodeURIComponent(key).normalize('NFKC')),
  ),
  keyMutant('keys that look like numbers are numbers', key =>
    key.replaceAll(/(?<=\/)\d+(?=$|\/)/g, digits => String(Number(digits))),
  ),
  keyMutant('long keys are cut', key =>
    key
      .split('/')
      .map(segment => segment.slice(0, 100))
      .join('/'),
  ),
  mutant('keys with a segment __proto__ are dropped from listings', 'keys', sound => ({
    list: (prefix, options) =>
      pagesOf(sound, prefix, options, entries =>
        entries.filter(({ key }) => !key.split('/').includes('__proto__')),
      ),
  })),
  mutant('an entry that is too large is stored', 'limits', sound => ({
    commit: operations => sound.commit(operations),
    supports: { ...sound.supports, entryBytes: 2 * 1024 * 1024 },
  })),
  mutant('what fits beside an entry that is too large is written', 'limits', sound => ({
    async commit(operations) {
      const limit = sound.supports.entryBytes
      const fits = operations.filter(
        operation => !('put' in operation) || Buffer.byteLength(operation.put) <= limit,
      )
      if (fits.length < operations.length && fits.length > 0) await sound.commit(fits)
      return sound.commit(operations)
    },
  })),
  mutant('the size of an entry is counted in characters', 'limits', sound => ({
    supports: { ...sound.supports, entryBytes: 2 * 1024 * 1024 },
    commit(operations) {
      const large = operations.find(operation => 'put' in operation && operation.put.length > 2 * 1024 * 1024)
      return sound.commit(
        large ? [large, { key: large.key, put: 'x'.repeat(20 * 1024 * 1024) }].slice(1) : operations,
      )
    },
  })),
  mutant('the largest entry is refused', 'limits', sound => ({
    supports: { ...sound.supports, entryBytes: sound.supports.entryBytes + 1 },
  })),
  mutant('a commit without an operation succeeds', 'limits', sound => ({
    commit: async operations =>
      operations.length === 0 ? { committed: true, revision: 0n } : sound.commit(operations),
  })),
  mutant('of two operations on one key the last counts', 'limits', sound => ({
    commit: operations =>
      sound.commit([...new Map(operations.map(operation => [operation.key, operation])).values()]),
  })),
]

/** A text is changed when it is put. */
function textMutant(title: string, change: (text: string) => string): Mutant {
  const broken = (operation: Operation): Operation =>
    'put' in operation ? { ...operation, put: change(operation.put) } : operation
  return operationMutant(title, 'text', broken)
}

/**
 * Entries are stored at another key than they should, and given back with the key that was asked for, where
 * one was.
 */
function keyMutant(title: string, change: (key: string) => string): Mutant {
  // What is broken is that this is no encoding of ours.
  const stored = (key: Key): Key => change(key) as Key
  return mutant(title, 'keys', sound => {
    const asked = new Map<Key, Key>()
    const back = (entry: Entry): Entry => ({ ...entry, key: asked.get(entry.key) ?? entry.key })
    return {
      ...read(sound, stored, back),
      commit(operations) {
        const unique = new Map(
          operations.map(operation => [stored(operation.key), { ...operation, key: stored(operation.key) }]),
        )
        for (const { key } of operations) asked.set(stored(key), key)
        return sound.commit(operations.length === 0 ? [] : [...unique.values()])
      },
    }
  })
}

function read(
  sound: Backend,
  stored: (key: Key) => Key,
  back: (entry: Entry) => Entry,
): Pick<Backend, 'get' | 'list' | 'watch'> {
  const returned = (change: Change): Change =>
    change.type === 'put' ? { type: 'put', entry: back(change.entry) } : change
  return {
    async get(key) {
      const entry = await sound.get(stored(key))
      return entry && { ...entry, key }
    },
    list: (prefix, options) => pagesOf(sound, prefix, options, entries => entries.map(back)),
    async *watch(since, signal) {
      for await (const batch of sound.watch(since, signal))
        yield { ...batch, changes: batch.changes.map(returned) }
    },
  }
}
