import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Operation } from '../../backends/backend.ts'
import { hasFile } from '../../backends/filesystem/format/layout.ts'
import { readableText } from '../../backends/filesystem/format/readable.ts'
import { historyKey, type Key, makeKey } from '../../model/key.ts'

/*
 * A short life of a store, one step a revision, that comes by all that the filesystem backend does: commits
 * of several keys, readable files made, replaced (calmly, and while a person is at them) and taken away,
 * edits by hand, new logs and snapshots.
 */

/**
 * One action, which makes one revision: operations that are committed, or what a person does to the files,
 * which is taken in as these operations.
 */
export interface Action {
  readonly operations: readonly Operation[]
  readonly edit?: (path: string) => void
  /**
   * The document whose file the edit removes. A process that dies before it took that in leaves it to a
   * person to decide.
   */
  readonly removes?: Key
}

/** What a store holds at a revision: the text of each key, and the revision that put it there. */
export interface Picture {
  readonly entries: ReadonlyMap<Key, { readonly text: string; readonly revision: bigint }>
}

/** Limits under which the script makes new logs and snapshots. */
export const SMALL = { log: 900, tail: 1_400, ratio: 0.2 }

const LLDP = makeKey('settings', 'kytos', 'of_lldp')
const CORE = makeKey('settings', 'kytos', 'core')
const OWN = makeKey('controllers', 'controller-1', 'kytos', 'of_lldp')
const BOX = makeKey('boxes', 'net', 'one')

let version = 0
const put = (key: Key, value: object): Operation[] => [
  { key, put: JSON.stringify(value) },
  {
    key: historyKey(key, ++version),
    put: JSON.stringify({ version, data: value, padding: 'x'.repeat(150) }),
    expected: 'absent',
  },
]
const gone = (key: Key): Operation[] => [
  { key, delete: true },
  { key: historyKey(key, ++version), put: JSON.stringify({ version, data: null }), expected: 'absent' },
]

export const SCRIPT: readonly Action[] = [
  { operations: put(LLDP, { a: 1, b: { x: 1, y: 2 } }) },
  { operations: [...put(LLDP, { a: 2, b: { x: 1, y: 2 } }), { key: BOX, put: '{"data":1}' }] },
  {
    edit: path => writeFileSync(fileOf(path, LLDP), '{"a":2,"b":{"x":1,"y":2},"hand":1}'),
    operations: [{ key: LLDP, put: '{"a":2,"b":{"x":1,"y":2},"hand":1}' }],
  },
  { operations: [...put(LLDP, { a: 3, b: { x: 1 }, hand: 1 }), ...put(CORE, { debug: false })] },
  { operations: put(OWN, { a: 7 }) },
  {
    edit: path => {
      writeFileSync(`${fileOf(path, CORE)}~`, '{"debug":true}')
      renameSync(`${fileOf(path, CORE)}~`, fileOf(path, CORE))
    },
    operations: [{ key: CORE, put: '{"debug":true}' }],
  },
  { operations: [...gone(LLDP), { key: BOX, put: '{"data":2}' }] },
  { edit: path => rmSync(fileOf(path, OWN)), removes: OWN, operations: [{ key: OWN, delete: true }] },
  { operations: [...put(LLDP, { a: 9 }), { key: BOX, delete: true }] },
  { operations: put(CORE, { debug: false, port: 6653 }) },
]

/** What the store holds after each action: `[0]` before the first. */
export function picturesOf(script: readonly Action[]): readonly Picture[] {
  const pictures: Picture[] = [{ entries: new Map() }]
  for (const [at, { operations }] of script.entries()) {
    const entries = new Map(pictures[at]?.entries)
    for (const operation of operations) {
      if ('put' in operation) entries.set(operation.key, { text: operation.put, revision: BigInt(at + 1) })
      else if ('delete' in operation) entries.delete(operation.key)
    }
    pictures.push({ entries })
  }
  return pictures
}

/** The readable files that a picture has, by path below the store's folder. */
export function filesOf({ entries }: Picture): Record<string, string> {
  return Object.fromEntries(
    [...entries].flatMap(([key, { text }]) => (hasFile(key) ? [[`${key}.json`, readableText(text)]] : [])),
  )
}

export function fileOf(path: string, key: Key): string {
  return `${join(path, ...key.split('/'))}.json`
}
