import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { expect, vi } from 'vitest'
import type { Backend, Batch, Problem } from '../../backends/backend.ts'
import { READABLE_KINDS } from '../../backends/filesystem/format/layout.ts'
import { readableText } from '../../backends/filesystem/format/readable.ts'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import { EVERYTHING, type Key, makeKey } from '../../model/key.ts'
import { filesOf, picturesOf, SCRIPT } from './filesystem-script.ts'

const SOON = { timeout: 8_000, interval: 20 }
const PICTURES = picturesOf(SCRIPT)

/**
 * Opens a store that the script was played on and checks all that was promised of it: it is at a revision
 * that `isAllowed`, holds what the script made up to there and nothing else, gives every step again, its
 * readable files say the same, nothing half-done lies about, and it goes on. Gives the problems that the
 * opening reported. `what` begins the message of a failure. The file of a document that is `missing` may be
 * away before a revision: it is told, and written again when that is decided.
 */
export async function judgeStore(
  path: string,
  what: string,
  isAllowed: (revision: number) => boolean,
  missing?: { readonly key: Key; readonly before: number },
): Promise<readonly Problem[]> {
  const problems: Problem[] = []
  const store = createFilesystemBackend({ path }, { report: problem => problems.push(problem) })
  await store.open()
  try {
    // An opening waits 2.5 s at most until an edit by hand is taken in, which a busy machine may take longer
    // for.
    const isInTime = async () => isAllowed(Number((await store.list(EVERYTHING)).revision))
    await vi.waitFor(async () => expect(await isInTime()).toBe(true), SOON).catch(() => {})
    const { revision } = await store.list(EVERYTHING)
    expect(isAllowed(Number(revision)), `${what}: revision ${revision} is not one that it may be at`).toBe(
      true,
    )
    await expectPicture(store, Number(revision), what)
    const away = store.fileProblems().map(({ code, key }) => `${code} ${key}`)
    const mayBeAway = missing && Number(revision) < missing.before ? [`FILE_MISSING ${missing.key}`] : []
    if (away.length > 0) expect(away, what).toEqual(mayBeAway)
    expect(await store.restoreFiles(), what).toEqual(missing && away.length > 0 ? [missing.key] : [])
    await vi.waitFor(
      async () =>
        expect(inOurFormat(await readableFiles(path)), what).toEqual(filesOf(pictureAt(Number(revision)))),
      SOON,
    )
    expect(await journalNames(path), what).toEqual([])
    const next = await store.commit([{ key: makeKey('meta', 'next'), put: '1' }])
    expect(next, what).toEqual({ committed: true, revision: revision + 1n })
    await store.close()
    await expectQuiet(path, revision + 1n, what)
  } finally {
    await store.close()
  }
  return problems
}

/**
 * A store that was closed in peace has nothing to report, and nothing to take in, when it is opened again.
 */
async function expectQuiet(path: string, revision: bigint, what: string): Promise<void> {
  const problems: Problem[] = []
  const store = createFilesystemBackend({ path }, { report: problem => problems.push(problem) })
  await store.open()
  expect((await store.list(EVERYTHING)).revision, `${what}: opened once more`).toBe(revision)
  await store.close()
  expect(problems, `${what}: opened once more`).toEqual([])
}

async function expectPicture(store: Backend, revision: number, what: string): Promise<void> {
  const held = new Map<string, { text: string; revision: bigint }>()
  for await (const page of (await store.list(EVERYTHING)).pages)
    for (const { key, text, modRevision: revision } of page) held.set(key, { text, revision })
  expect(held, `${what}: what it holds at revision ${revision}`).toEqual(pictureAt(revision).entries)
  const end = new AbortController()
  const batches: Batch[] = []
  for await (const batch of store.watch(0n, end.signal)) {
    if (batch.changes.length === 0) end.abort()
    else batches.push(batch)
  }
  const steps = batches.map(batch =>
    batch.changes.map(change =>
      change.type === 'put' ? [change.entry.key, change.entry.text] : [change.key],
    ),
  )
  const expected = SCRIPT.slice(0, revision).map(({ operations }) =>
    operations
      .map(operation => ('put' in operation ? [operation.key, operation.put] : [operation.key]))
      .sort(([a = ''], [b = '']) => (a < b ? -1 : 1)),
  )
  expect(steps, `${what}: the steps that a watch is given`).toEqual(expected)
}

function pictureAt(revision: number) {
  return PICTURES[revision] ?? { entries: new Map() }
}

/**
 * A file that was taken in stays as the person laid it out, if the process died before it was tidied up: that
 * is not told from a wish.
 */
function inOurFormat(files: Record<string, string>): Record<string, string> {
  const edits = SCRIPT.flatMap(({ edit, operations }) =>
    edit ? operations.flatMap(operation => ('put' in operation ? operation.put : [])) : [],
  )
  return Object.fromEntries(
    Object.entries(files).map(([name, text]) => [name, edits.includes(text) ? readableText(text) : text]),
  )
}

/** Every file beside the journal, hidden ones too, but for the backups that a person's editor makes. */
export async function readableFiles(path: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {}
  for (const kind of READABLE_KINDS) {
    for (const item of await readdir(join(path, kind), { withFileTypes: true, recursive: true })) {
      const file = join(item.parentPath, item.name)
      if (item.isFile() && !item.name.endsWith('~'))
        files[relative(path, file)] = await readFile(file, 'utf8')
    }
  }
  return files
}

/** What is in the journal's folder and does not belong there. */
async function journalNames(path: string): Promise<string[]> {
  return (await readdir(join(path, 'journal'))).filter(
    name => !/^\d{12}\.(log|snapshot|log\.torn)$|^lock$/.test(name),
  )
}
