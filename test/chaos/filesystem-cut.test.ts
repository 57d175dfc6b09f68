import { cpSync, existsSync, readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { decodeFrame } from '../../backends/filesystem/format/frame.ts'
import { hasFile, READABLE_KINDS } from '../../backends/filesystem/format/layout.ts'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import { replay } from '../../backends/filesystem/journal/replay.ts'
import { isSettingsError } from '../../model/errors.ts'
import { parseJson } from '../../model/json.ts'
import { makeKey } from '../../model/key.ts'
import { equalJson, type JsonObject } from '../../model/value.ts'
import { type Controller, openController } from '../support/controller.ts'
import { readableFiles } from './filesystem-judge.ts'
import { inParallel, SEED, sample } from './filesystem-sample.ts'
import { watchSteps } from './filesystem-steps.ts'

/** What the service held after a command that made this revision: overrides per namespace. */
interface Moment {
  readonly revision: bigint
  readonly overrides: Readonly<Record<string, JsonObject>>
}

/** One record of the journal: up to where it goes, and the revision that it brings the store to. */
interface Boundary {
  readonly end: number
  readonly revision: bigint
}

const LOG = join('journal', '000000000001.log')
const SOON = { timeout: 8_000, interval: 20 }
const NAMES = ['kytos/a', 'kytos/b']

let folder = ''
let moments: readonly Moment[] = []
let boundaries: readonly Boundary[] = []
let journal: Buffer = Buffer.alloc(0)
/** Lengths of the journal at which the readable files were copied, to `files-<length>`. */
let images: readonly number[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kytos-cut-'))
  await record(join(folder, 'whole'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('A journal that lost its end', () => {
  it('at any byte gives the service all that was acked before the cut, nothing of the rest, and no edits by hand; the tear is told', {
    timeout: 900_000,
  }, async () => {
    const bytes = Array.from({ length: journal.length + 1 }, (_, at) => at).slice(boundaries[0]?.end)
    const corners = boundaries.flatMap(({ end }) => [end - 1, end, end + 1]).filter(at => bytes.includes(at))
    await inParallel([...new Set([...sample(bytes, 30), ...sample(corners, 30)])], 12, at => judgeCut(at))
  })

  it('to a backup of the journal alone keeps what the newer files say, as edits by hand with their own records', {
    timeout: 60_000,
  }, async () => {
    const last = moments.at(-1)
    const changed = boundaries.filter(({ revision }) =>
      moments.some(moment => moment.revision === revision && moment !== last),
    )
    await inParallel(sample(changed, 4), 4, async ({ end, revision }) => {
      const path = await build(`backup-${end}`, end, journal.length)
      await withService(path, async controller => {
        for (const namespace of NAMES) {
          const expected = last?.overrides[namespace]
          await vi.waitFor(
            async () =>
              expect(
                await overridesOf(controller, namespace),
                `${namespace} from revision ${revision}`,
              ).toEqual(expected),
            SOON,
          )
          const before = momentAt(revision).overrides[namespace]
          const history = await historyOf(controller, namespace)
          const isSame = equalJson(before, expected)
          await vi.waitFor(
            async () =>
              expect((await historyOf(controller, namespace)).at(0)?.actor.type === 'file').toBe(!isSame),
            SOON,
          )
          expect(history.map(({ version }) => version)).toEqual(history.map((_, at) => history.length - at))
        }
      })
    })
  })
})

/**
 * Lets a service work, and keeps the readable files as they were at the moment of each write to the journal.
 */
async function record(path: string): Promise<void> {
  const lengths: number[] = []
  const release = watchSteps(path, ({ name }) => {
    if (name !== `write ${LOG}` || !existsSync(join(path, LOG))) return undefined
    const { length } = readFileSync(join(path, LOG))
    for (const kind of READABLE_KINDS)
      if (existsSync(join(path, kind)))
        cpSync(join(path, kind), join(folder, `files-${length}`, kind), { recursive: true })
    lengths.push(length)
    return undefined
  })
  const made: Moment[] = []
  await withService(path, async controller => {
    const update = async (namespace: string, data: JsonObject) => {
      const { revision, overrides } = await controller.ask('kytos.settings.update', { namespace, data })
      made.push({
        revision: BigInt(revision),
        overrides: { ...made.at(-1)?.overrides, [namespace]: overrides },
      })
    }
    await update('kytos/a', { x: 1 })
    await vi.waitFor(() => expect(existsSync(join(path, 'settings', 'kytos', 'a.json'))).toBe(true), SOON)
    await update('kytos/b', { x: 1, deep: { y: [1, 2] } })
    await update('kytos/a', { x: 2, big: 18446744073709551615n })
    await vi.waitFor(
      async () =>
        expect(await readFile(join(path, 'settings', 'kytos', 'a.json'), 'utf8')).toContain('"x": 2'),
      SOON,
    )
    await controller.ask('kytos.storehouse.create', { namespace: 'net', box_id: 'one', data: { z: 1 } })
    await update('kytos/a', { x: null })
    await update('kytos/b', { x: 7 })
  })
  release()
  moments = made
  images = lengths
  journal = await readFile(join(path, LOG))
  boundaries = boundariesOf(journal)
}

function boundariesOf(bytes: Buffer): Boundary[] {
  const found: Boundary[] = []
  for (let frame = decodeFrame(bytes, 0); frame; frame = decodeFrame(bytes, frame.end)) {
    // Journal records are objects; what is read of them is a string.
    const { revision } = JSON.parse(frame.record) as { revision?: string }
    found.push({
      end: frame.end,
      revision: revision === undefined ? (found.at(-1)?.revision ?? 0n) : BigInt(revision),
    })
  }
  return found
}

async function judgeCut(at: number): Promise<void> {
  const what = `seed ${SEED}, cut at byte ${at}`
  const path = await build(`cut-${at}`, at, at)
  const { revision } = boundaries.findLast(({ end }) => end <= at) ?? { revision: 0n }
  const expected = momentAt(revision).overrides
  await withService(path, async controller => {
    expect(controller.service.health().state, what).toBe('READY')
    const isTorn = boundaries.every(({ end }) => end !== at)
    expect(
      controller.log.lines.some(line => line.includes('last write to the journal was incomplete')),
      `${what}: the tear is told`,
    ).toBe(isTorn)
    for (const namespace of NAMES)
      expect(await overridesOf(controller, namespace), `${what}: ${namespace}`).toEqual(expected[namespace])
    await vi.waitFor(async () => {
      const files = Object.entries(await readableFiles(path)).filter(([name]) => name.startsWith('settings'))
      const shown = Object.fromEntries(
        files.map(([name, text]) => [name.slice('settings/'.length, -'.json'.length), parseJson(text)]),
      )
      expect(shown, `${what}: the readable files`).toEqual(expected)
      const bytes = await readFile(join(path, LOG))
      expect(bytes.length, `${what}: the torn end is cut off`).toBe(boundariesOf(bytes).at(-1)?.end)
    }, SOON)
    for (const namespace of NAMES) {
      const actors = (await historyOf(controller, namespace)).map(({ actor }) => actor.type)
      expect(actors, `${what}: ${namespace} was not edited by hand`).not.toContain('file')
    }
    // The store had no epoch yet where not even the first commit is left.
    const base = revision === 0n ? 1n : revision
    expect(controller.service.health().revision, `${what}: nothing else was committed`).toBe(base)
    const next = await controller.ask('kytos.settings.update', {
      namespace: 'kytos/a',
      data: { after: true },
    })
    expect(BigInt(next.revision), what).toBe(base + 1n)
  })
  const { torn, state } = await replay(join(path, 'journal'), { batches: 1_000, bytes: 1e9 }, hasFile)
  expect(torn, `${what}: opened once more`).toBeUndefined()
  expect(state.get(makeKey('settings', 'kytos', 'a'))?.text, what).toContain('"after":true')
  await rm(path, { recursive: true })
}

/**
 * A store with the journal up to a byte, and the readable files as they were when the journal was about to
 * grow beyond another one.
 */
async function build(name: string, length: number, filesAt: number): Promise<string> {
  const path = join(folder, name)
  await mkdir(join(path, 'journal'), { recursive: true })
  await writeFile(join(path, LOG), journal.subarray(0, length))
  const image = filesAt === journal.length ? 'whole' : `files-${images.findLast(at => at <= filesAt)}`
  for (const kind of READABLE_KINDS) {
    if (existsSync(join(folder, image, kind)))
      await cp(join(folder, image, kind), join(path, kind), { recursive: true })
  }
  return path
}

async function withService(path: string, act: (controller: Controller) => Promise<void>): Promise<void> {
  const controller = await openController({
    backend: report => createFilesystemBackend({ path }, { report }),
  })
  try {
    await act(controller)
  } finally {
    await controller.close()
  }
}

async function overridesOf(controller: Controller, namespace: string): Promise<JsonObject | undefined> {
  try {
    return (await controller.ask('kytos.settings.retrieve', { namespace })).overrides
  } catch (error) {
    if (isSettingsError(error, 'NAMESPACE_NOT_FOUND')) return undefined
    throw error
  }
}

async function historyOf(controller: Controller, namespace: string) {
  try {
    return await controller.ask('kytos.settings.history', { namespace })
  } catch (error) {
    if (isSettingsError(error, 'NAMESPACE_NOT_FOUND')) return []
    throw error
  }
}

function momentAt(revision: bigint): Moment {
  return moments.findLast(moment => moment.revision <= revision) ?? { revision: 0n, overrides: {} }
}
