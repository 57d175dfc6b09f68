import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FileVersion, NO_FILE } from '../../../../../backends/filesystem/format/file-version.ts'
import { encodeFrame } from '../../../../../backends/filesystem/format/frame.ts'
import { hashOf, readableText } from '../../../../../backends/filesystem/format/readable.ts'
import { FORMAT } from '../../../../../backends/filesystem/format/record.ts'
import { Group } from '../../../../../backends/filesystem/journal/group.ts'
import { logPath } from '../../../../../backends/filesystem/journal/journal-folder.ts'
import { replay } from '../../../../../backends/filesystem/journal/replay.ts'
import { State } from '../../../../../backends/filesystem/journal/state.ts'
import { makeKey } from '../../../../../model/key.ts'

const KEY = makeKey('settings', 'kytos', 'a')
const LIMITS = { batches: 1_000, bytes: 1e9 }

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kytos-group-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/**
 * What is done in one group, and whether the readable file is brought up to date while it is written, and
 * after.
 */
const group = fc.record({
  requests: fc.array(fc.constantFrom('put', 'put', 'delete', 'mark'), { minLength: 1, maxLength: 4 }),
  during: fc.boolean(),
  after: fc.boolean(),
})

describe('The journal', () => {
  it('knows after any crash what the readable file may hold, whenever that was written', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(group, { minLength: 1, maxLength: 6 }), async groups => {
        const state = new State()
        let file = NO_FILE
        let count = 0
        let log = encodeFrame(JSON.stringify({ format: FORMAT, number: 1, revision: '0' }))
        const update = (): void => {
          file = shown(state.get(KEY)?.text)
        }
        for (const { requests, during, after } of groups) {
          const made = new Group(state, Buffer.byteLength(log))
          for (const request of requests) {
            if (request === 'mark') made.add({ operations: [], marks: [[KEY, () => [file]]] })
            else
              made.add({
                operations: [
                  request === 'put' ? { key: KEY, put: `{"n":${++count}}` } : { key: KEY, delete: true },
                ],
                marks: [],
              })
          }
          log += made.frames
          if (during) update()
          for (const { batch, ttls } of made.planned) state.apply(batch, ttls)
          expect(await possible(log)).toContainEqual(file)
          if (after) update()
          expect(await possible(log)).toContainEqual(file)
        }
      }),
    )
  })
})

function shown(text: string | undefined): FileVersion {
  return text === undefined ? NO_FILE : { hash: hashOf(readableText(text)), text }
}

/** What the file may hold by a journal of this one log. */
async function possible(log: string): Promise<FileVersion[]> {
  await mkdir(folder, { recursive: true })
  await writeFile(logPath(folder, 1), log)
  const { files } = await replay(folder, LIMITS, () => true)
  return (files.get(KEY) ?? [NO_FILE]).map(({ hash, text }) => ({
    hash: hash === undefined ? shown(text).hash : hash,
    text,
  }))
}
