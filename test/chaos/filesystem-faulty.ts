import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Operation } from '../../backends/backend.ts'
import { readableText } from '../../backends/filesystem/format/readable.ts'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import { type Key, makeKey } from '../../model/key.ts'
import { fileOf } from './filesystem-script.ts'

/*
 * Works on a store while file system calls fail: `filesystem-faulty <path> <alias> <life>`. Commits go
 * through the backend at <path>; a person edits the same files by <alias>, another path of the folder, whose
 * calls never fail. Prints one JSON line each: `doing` and `acked` (a commit), `edit` and `edited` (what a
 * person wrote), `broken`, `report`, `stale` (a file that does not show its document at the end) and `end`.
 * Time runs faster, as in `filesystem-victim`.
 */

const FASTER = 20
/** How long, in real milliseconds, to wait for something that a failing file system may never do. */
const PATIENCE = Number(process.env.FAULT_PATIENCE ?? 500)
const [path = '', alias = '', life = '1'] = process.argv.slice(2)
const say = (word: string, ...rest: readonly unknown[]) =>
  writeSync(1, `${JSON.stringify([word, ...rest])}\n`)

const { now } = performance
performance.now = () => now.call(performance) * FASTER
const { setTimeout: later } = globalThis
// The callback goes through as it is; only the delay is another one.
globalThis.setTimeout = Object.assign(
  (act: () => void, delay = 0) => later(act, delay / FASTER),
  later,
) as typeof setTimeout

const SETTINGS = makeKey('settings', 'kytos', 'a')
const OTHER = makeKey('settings', 'kytos', 'b')
const BOX = makeKey('boxes', 'net', 'one')

let tag = 0
const backend = createFilesystemBackend(
  { path },
  { report: ({ code, message }) => say('report', code, message) },
)
for (let tries = 1; ; tries++) {
  try {
    await backend.open()
    break
  } catch (error) {
    say('refused', String(error))
    if (tries === 5) process.exit(0)
    await sleep(200)
  }
}

await add(SETTINGS, BOX, OTHER)
await shown()
await edit(SETTINGS, inPlace)
await edit(BOX, byRename)
await add(SETTINGS, BOX)
await edit(SETTINGS, byRename)
await remove(OTHER)
await shown()
await breakFile(SETTINGS)
await breakFile(BOX)
await add(SETTINGS, OTHER, BOX)
await edit(BOX, inPlace)
await edit(OTHER, byRename, false)
await add(BOX, OTHER)
await remove(BOX)
await add(SETTINGS)
await shown()
await add(BOX)
for (const key of await shown()) say('stale', key)
if (process.env.FAULT_END !== 'kill') await backend.close()
say('end')
if (process.env.FAULT_END === 'kill') process.kill(process.pid, 'SIGKILL')

/** Commits one more member to each of these documents, on top of what they hold. */
async function add(...keys: readonly Key[]): Promise<void> {
  const name = `c${life}_${++tag}`
  for (;;) {
    const operations = await Promise.all(
      keys.map(async (key): Promise<Operation> => {
        const entry = await backend.get(key)
        const value = { ...(entry && JSON.parse(entry.text)), [name]: tag }
        return { key, put: JSON.stringify(value), expected: entry?.modRevision ?? 'absent' }
      }),
    )
    if (await commit(operations)) return
  }
}

async function remove(key: Key): Promise<void> {
  await commit([{ key, delete: true }])
}

async function commit(operations: readonly Operation[]): Promise<boolean> {
  const told = operations.map(operation => [operation.key, 'put' in operation ? operation.put : null])
  say('doing', told)
  const { committed } = await backend.commit(operations)
  if (committed) say('acked', told)
  return committed
}

/** A person adds a member to what a file shows, and sees it taken in, if that is possible. */
async function edit(key: Key, write: (file: string, text: string) => void, waits = true): Promise<void> {
  const file = fileOf(alias, key)
  const name = `h${life}_${++tag}`
  const value = await until(() => parse(file))
  if (!value) return
  const after = { ...value, [name]: tag }
  say('edit', key, name, after)
  write(file, JSON.stringify(after, null, 3))
  say('edited', key, name)
  if (waits) await until(async () => (await backend.get(key))?.text.includes(name))
}

/** A person leaves a file that is not JSON: the text that is there, and more. */
async function breakFile(key: Key): Promise<void> {
  const file = fileOf(alias, key)
  // A second text of this kind takes the place of the first in `.rejected`.
  if (life !== '1' || !existsSync(file)) return
  const name = `broken${life}_${++tag}`
  appendFileSync(file, `{ ${name}`)
  say('broken', key, name)
  await sleep(60)
}

function inPlace(file: string, text: string): void {
  writeFileSync(file, text)
}

function byRename(file: string, text: string): void {
  writeFileSync(`${file}~`, text)
  renameSync(`${file}~`, file)
}

function parse(file: string): object | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined // it is not there, or not whole
  }
}

/** Waits until the files show their documents; gives the keys of those that do not. */
async function shown(): Promise<readonly Key[]> {
  const stale = async () => {
    const keys: Key[] = []
    for (const key of [SETTINGS, OTHER, BOX]) {
      const entry = await backend.get(key)
      const file = fileOf(alias, key)
      const text = existsSync(file) ? readFileSync(file, 'utf8') : undefined
      if (text !== (entry && readableText(entry.text))) keys.push(key)
    }
    return keys
  }
  await until(async () => (await stale()).length === 0)
  return stale()
}

async function until<T>(find: () => T | Promise<T>): Promise<T | undefined> {
  for (const end = Date.now() + PATIENCE; Date.now() < end; await sleep(10)) {
    const found = await find()
    if (found) return found
  }
  return undefined
}
