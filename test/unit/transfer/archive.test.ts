import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { makeKey } from '../../../model/key.ts'
import { readArchive, writeArchive } from '../../../src/transfer/archive.ts'
import type { StoreSnapshot } from '../../../src/transfer/store-snapshot.ts'
import { type Step, watchSteps } from '../../chaos/filesystem-steps.ts'
import { createRandom } from '../../chaos/random.ts'

/**
 * The gzip header fields that do not depend on the content: time, flags of the compressor,
 * system.
 */
const MUTE = new Set([4, 5, 6, 7, 8, 9])

const random = createRandom(7)
const entries = Array.from({ length: 300 }, (_, n) => ({
  key: makeKey('boxes', 'a', String(n).padStart(4, '0')),
  text: JSON.stringify({ data: `ü😀 ${random.next()} 9007199254740993` }),
  modRevision: 10n ** 25n + BigInt(n),
  createRevision: BigInt(random.between(1, 1_000)),
}))
const snapshot: StoreSnapshot = {
  store: 'filesystem /x',
  epoch: 1_700_000_000_000,
  revision: 10n ** 26n,
  at: '2026-01-01T00:00:00.000Z',
  entries,
}

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kytos-archive-'))
  const made = folder
  onTestFinished(() => rm(made, { recursive: true, force: true }))
})

/** Writes these bytes as an archive and reads it. */
async function read(bytes: Buffer): Promise<StoreSnapshot> {
  const file = join(folder, 'changed')
  await writeFile(file, bytes)
  return readArchive(file)
}

describe('an archive', () => {
  it('is read as it was written, and only its owner may read it', async () => {
    const file = join(folder, 'a')
    const bytes = await writeArchive(snapshot, file, false)
    expect(await readArchive(file)).toEqual(snapshot)
    expect((await stat(file)).size).toBe(bytes)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readdir(folder)).toEqual(['a'])
  })

  it('never replaces a file unasked, nor leaves anything where it cannot be written', async () => {
    const file = join(folder, 'a')
    await writeFile(file, 'mine')
    await expect(writeArchive(snapshot, file, false)).rejects.toMatchObject({ code: 'DOCUMENT_EXISTS' })
    expect(await readFile(file, 'utf8')).toBe('mine')
    await writeArchive(snapshot, file, true)
    expect(await readArchive(file)).toEqual(snapshot)
    await expect(writeArchive(snapshot, join(folder, 'none/a'), false)).rejects.toMatchObject({
      code: 'STORE_UNWRITABLE',
    })
  })

  it('that cannot get its name, nor be removed, is refused with the first reason', async () => {
    const fail = (name: string) => {
      throw Object.assign(new Error(`EBUSY, as the test wanted: ${name}`), { code: 'EBUSY' })
    }
    const at = ({ name }: Step) =>
      /^(rename to a|remove a\..*)$/.test(name) ? ({ share: 0, end: () => fail(name) } as const) : undefined
    onTestFinished(watchSteps(folder, at))
    await expect(writeArchive(snapshot, join(folder, 'a'), false)).rejects.toMatchObject({
      code: 'STORE_UNWRITABLE',
      message: expect.stringContaining('rename to a'),
    })
  })

  it('whose name may not outlast a loss of power is there, and the message says so', async () => {
    const fail = () => {
      throw Object.assign(new Error('EIO, as the test wanted'), { code: 'EIO' })
    }
    onTestFinished(watchSteps(folder, ({ name }) => (name === 'sync ' ? { share: 0, end: fail } : undefined)))
    const file = join(folder, 'a')
    await expect(writeArchive(snapshot, file, false)).rejects.toMatchObject({
      code: 'STORE_UNWRITABLE',
      message: expect.stringContaining('was written, but may be lost in a power failure'),
    })
    expect(await readArchive(file)).toEqual(snapshot)
  })

  it('that was cut off at any byte is refused', async () => {
    const file = join(folder, 'a')
    await writeArchive(snapshot, file, false)
    const whole = await readFile(file)
    const cuts = [
      0,
      1,
      9,
      10,
      whole.length - 1,
      whole.length - 8,
      ...Array.from({ length: 60 }, () => random.between(0, whole.length - 1)),
    ]
    for (const cut of cuts)
      await expect(read(whole.subarray(0, cut)), `cut at ${cut}`).rejects.toMatchObject({
        code: 'STORE_DAMAGED',
      })
    const lines = gunzipSync(whole).toString('utf8').split('\n')
    for (const left of [0, 1, 2, 150, lines.length - 2]) {
      for (const end of ['', '\n'])
        await expect(read(gzipSync(lines.slice(0, left).join('\n') + end))).rejects.toMatchObject({
          code: 'STORE_DAMAGED',
        })
    }
  })

  it('of which any byte is another is refused, or says the same', async () => {
    const file = join(folder, 'a')
    await writeArchive(snapshot, file, false)
    const whole = await readFile(file)
    for (const at of [
      0,
      1,
      2,
      3,
      ...Array.from({ length: 120 }, () => random.between(0, whole.length - 1)),
    ]) {
      const changed = Buffer.from(whole)
      changed[at] = (changed[at] ?? 0) ^ random.between(1, 255)
      if (MUTE.has(at)) expect(await read(changed)).toEqual(snapshot)
      else await expect(read(changed), `byte ${at}`).rejects.toMatchObject({ code: 'STORE_DAMAGED' })
    }
  })

  it('whose lines were changed behind its checksum is refused, whatever was changed', async () => {
    const file = join(folder, 'a')
    await writeArchive(snapshot, file, false)
    const lines = gunzipSync(await readFile(file))
      .toString('utf8')
      .split('\n')
    const wrongs: ((lines: string[]) => string[])[] = [
      all => all.toSpliced(5, 1),
      all => all.toSpliced(5, 0, all[5] ?? ''),
      all => [...all.slice(0, 4), all[5] ?? '', all[4] ?? '', ...all.slice(6)],
      all => all.map(line => line.replace('"created":"', '"created":"1')),
      all => all.toSpliced(1, 1, '{"key":"meta/store","text":"{}","revision":"1","created":"1"}'),
      all => all.toSpliced(1, 1, '{"key":"../../etc","text":"{}","revision":"1","created":"1"}'),
      all => ['[]', ...all],
      all => ['{}', ...all.slice(1)],
      all => [...all.slice(0, -1), '{}', ''],
      all => all.slice(0, -2).concat('{"entries":300}', ''),
    ]
    for (const wrong of wrongs) {
      await expect(read(gzipSync(wrong(lines).join('\n'))), String(wrong)).rejects.toMatchObject({
        code: 'STORE_DAMAGED',
      })
    }
    // Also with a recomputed checksum.
    const [, ...content] = lines.slice(0, -2)
    for (const order of [[...content.slice(0, 4), ...content.slice(3)], content.toReversed()]) {
      const all = [lines[0], ...order].map(line => `${line}\n`).join('')
      const sha256 = createHash('sha256').update(all).digest('hex')
      await expect(
        read(gzipSync(`${all}${JSON.stringify({ entries: order.length, sha256 })}\n`)),
      ).rejects.toThrow(/out of order/)
    }
    const newer = lines.map(line => line.replace('"kytos_settings_archive":1', '"kytos_settings_archive":2'))
    await expect(read(gzipSync(newer.join('\n')))).rejects.toMatchObject({ code: 'STORE_FORMAT' })
    await expect(read(Buffer.from('not gzip at all'))).rejects.toMatchObject({ code: 'STORE_DAMAGED' })
    expect(await read(gzipSync(lines.join('\n')))).toEqual(snapshot)
  })
})
