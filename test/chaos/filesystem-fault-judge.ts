import { readdir, readFile } from 'node:fs/promises'
import { expect, vi } from 'vitest'
import type { Batch, Problem } from '../../backends/backend.ts'
import { hasFile } from '../../backends/filesystem/format/layout.ts'
import { readableText } from '../../backends/filesystem/format/readable.ts'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import { parseJson } from '../../model/json.ts'
import { EVERYTHING } from '../../model/key.ts'
import { equalJson, isObject, type Json, type JsonObject } from '../../model/value.ts'
import { readableFiles } from './filesystem-judge.ts'

/** One line of `filesystem-faulty`: a word and what belongs to it. */
export type Line = readonly [word: string, ...rest: readonly Json[]]

interface Edit {
  readonly key: string
  readonly name: string
  readonly value: JsonObject
  /** False when the process ended before it was surely written. */
  readonly owed: boolean
  used: boolean
}

const SOON = { timeout: 15_000, interval: 40 }

/**
 * Opens a store whose file system failed and works again, and checks what was promised of it: each revision
 * is one of the commits, or edits of a person, each applied once, on the revision before it; all that was
 * acked is there, in order; no edit is lost (it is in a revision, in its file or in `.rejected`); the files
 * show their documents, nothing half-done lies about, and the next opening finds nothing to do.
 */
export async function judgeFaults(path: string, what: string, lines: readonly Line[]): Promise<void> {
  const problems: Problem[] = []
  const store = createFilesystemBackend({ path }, { report: problem => problems.push(problem) })
  await store.open()
  try {
    const documents = async (): Promise<Record<string, string>> => {
      const texts: Record<string, string> = {}
      for await (const page of (await store.list(EVERYTHING)).pages)
        for (const { key, text } of page) if (hasFile(key)) texts[`${key}.json`] = readableText(text)
      return texts
    }
    const isBroken = (text: string) => /\{ broken\d_/.test(text)
    await vi.waitFor(async () => {
      const files = await readableFiles(path)
      const expected = await documents()
      for (const [name, text] of Object.entries(files)) {
        // A document may have been deleted by a process that died before the file followed: to the next one a
        // person wrote it then.
        const isLeft = isBroken(text) && expected[name] === undefined
        if (name.endsWith('.rejected') || isLeft) delete files[name]
        // Left as the person wrote it until the document changes.
        else if (isBroken(text)) files[name] = expected[name] ?? ''
        // An edit that is taken in keeps its layout until the process that took it in rewrites it.
        else if (sameMeaning(text, expected[name])) files[name] = expected[name] ?? ''
      }
      expect(files, `${what}: the readable files`).toEqual(expected)
    }, SOON)
    const batches = await history(store)
    const kept = Object.values(await readableFiles(path)).join('\n')
    judgeHistory(batches, lines, kept, what)
    const unwritable = problems.filter(({ code }) => code !== 'FILE_REJECTED')
    expect(unwritable, `${what}: reported`).toEqual([])
    const { revision } = await store.list(EVERYTHING)
    await store.close()
    await expectQuiet(path, revision, what)
  } finally {
    await store.close()
  }
}

function judgeHistory(batches: readonly Batch[], lines: readonly Line[], kept: string, what: string): void {
  const edited = lines.flatMap(([word, , name]) => (word === 'edited' ? [name] : []))
  const edits = lines.flatMap(([word, key, name, value]): Edit[] =>
    word === 'edit' && typeof key === 'string' && typeof name === 'string' && isObject(value)
      ? [{ key, name, value, owed: edited.includes(name), used: false }]
      : [],
  )
  const commits = (of: string) => lines.flatMap(([word, told]) => (word === of ? [JSON.stringify(told)] : []))
  const done = commits('doing')
  const told: string[] = []
  const state = new Map<string, string>()
  for (const { revision, changes } of batches) {
    const as = changes.map((change): [string, string | null] =>
      change.type === 'put' ? [change.entry.key, change.entry.text] : [change.key, null],
    )
    const texts = sorted(JSON.stringify(as))
    if (done.some(commit => sorted(commit) === texts)) told.push(texts)
    else {
      const [key = '', text] = as[0] ?? []
      const open = edits.filter(edit => !edit.used && edit.key === key)
      const taken = as.length === 1 && text !== null ? editsIn(open, state.get(key), text ?? '') : []
      expect(
        taken,
        `${what}: revision ${revision} is no commit and no edit: ${texts} after ${state.get(key)}`,
      ).not.toEqual([])
      for (const edit of taken) edit.used = true
    }
    for (const [key, text] of as) {
      if (text === null) state.delete(key)
      else state.set(key, text)
    }
  }
  for (const commit of commits('acked')) {
    expect(told, `${what}: acked and lost`).toContain(sorted(commit))
  }
  const lost = edits
    .filter(({ owed, used, name }) => owed && !used && !kept.includes(name))
    .map(({ name }) => name)
  expect(lost, `${what}: edits that are lost`).toEqual([])
  for (const [word, , name] of lines) {
    if (word === 'broken') expect(kept, `${what}: a broken edit that is lost`).toContain(name)
  }
}

/**
 * The edits that made a text of a document: each adds a member to settings; a box is as one of them was
 * written.
 */
function editsIn(edits: readonly Edit[], before: string | undefined, after: string): readonly Edit[] {
  const result = parseJson(after)
  if (!isObject(result)) return []
  const taken = edits.filter(({ name }) => Object.hasOwn(result, name))
  if (taken[0]?.key.startsWith('boxes/'))
    return taken.some(({ value }) => equalJson(value, result)) ? taken : []
  const base = before === undefined ? {} : parseJson(before)
  const made = Object.assign({}, base, ...taken.map(({ name, value }) => ({ [name]: value[name] ?? null })))
  return equalJson(result, made) ? taken : []
}

function sorted(commit: string): string {
  const told: [string, string | null][] = JSON.parse(commit)
  return JSON.stringify(told.sort(([a], [b]) => (a < b ? -1 : 1)))
}

function sameMeaning(text: string, expected: string | undefined): boolean {
  try {
    return expected !== undefined && equalJson(parseJson(text), parseJson(expected))
  } catch {
    return false
  }
}

async function history(store: ReturnType<typeof createFilesystemBackend>): Promise<readonly Batch[]> {
  const end = new AbortController()
  const batches: Batch[] = []
  for await (const batch of store.watch(0n, end.signal)) {
    if (batch.changes.length === 0) end.abort()
    else batches.push(batch)
  }
  return batches
}

async function expectQuiet(path: string, revision: bigint, what: string): Promise<void> {
  const problems: Problem[] = []
  const store = createFilesystemBackend({ path }, { report: problem => problems.push(problem) })
  await store.open()
  expect((await store.list(EVERYTHING)).revision, `${what}: opened once more`).toBe(revision)
  await store.close()
  const others = problems.filter(({ code }) => code !== 'FILE_REJECTED')
  expect(others, `${what}: opened once more`).toEqual([])
}

/** The lines that a process printed, and those of its calls that counted. */
export async function readLines(
  output: string,
  log: string,
): Promise<{ lines: readonly Line[]; calls: readonly string[] }> {
  const lines = output
    .split('\n')
    .filter(line => line.endsWith(']'))
    .map((line): Line => JSON.parse(line))
  const calls = (await readFile(log, 'utf8').catch(() => '')).trim().split('\n')
  return { lines, calls }
}

/** Names below a folder of readable files that are neither a document's file nor its `.rejected` copy. */
export async function leftovers(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder, { recursive: true })
  return names.filter(name => name.endsWith('.tmp') || name.endsWith('.replaced'))
}
