import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { readArchive } from '../../../src/transfer/archive.ts'

let file: string
beforeEach(async () => {
  file = join(await mkdtemp(join(tmpdir(), 'kytos-bomb-')), 'bomb.archive')
})
afterEach(() => rm(join(file, '..'), { recursive: true }))

const HEAD = '{"kytos_settings_archive":1,"store":"s","epoch":1,"revision":"9","at":"2026-11-27T00:00:00Z"}\n'
const entry = (n: number) =>
  `{"key":"settings/kytos/n${String(n).padStart(6, '0')}","text":"${' '.repeat(1_000)}","revision":"1","created":"1"}\n`

it('an archive of one endless line is refused before it is in memory', async () => {
  // 96 MiB from 100 kB; the start of a line alone was kept before.
  await writeFile(file, gzipSync(Buffer.concat([Buffer.from(HEAD), Buffer.alloc(100_663_296, 0x20)])))
  expect((await stat(file)).size).toBeLessThan(200_000)
  await expect(readArchive(file)).rejects.toMatchObject({
    code: 'STORE_DAMAGED',
    message: expect.stringContaining('a line is longer than the allowed 67108864 characters'),
  })
})

it('an archive of many lines is refused once it is larger than allowed', async () => {
  await writeFile(file, gzipSync(HEAD + Array.from({ length: 4_000 }, (_, n) => entry(n)).join('')))
  await expect(readArchive(file, 1_000_000)).rejects.toMatchObject({
    code: 'STORE_DAMAGED',
    message: expect.stringMatching(/it unpacks to more than the allowed 1000000 bytes.*Nothing was written/),
  })
})
