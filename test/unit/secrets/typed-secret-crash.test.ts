import { cpSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Backend } from '../../../backends/backend.ts'
import { createFilesystemBackend } from '../../../backends/filesystem/index.ts'
import { makeKey } from '../../../model/key.ts'
import { createKeySet } from '../../../src/secrets/key-set.ts'
import { memoryKeySource } from '../../../src/secrets/key-source.ts'
import { SecretsOfStore } from '../../../src/secrets/secrets-of-store.ts'
import { watchSteps } from '../../chaos/filesystem-steps.ts'

/*
 * A process that dies at any step after a person typed a secret into a readable file: the next one leaves it
 * in no file. The folder is copied before each step, which is what a killed process leaves.
 */

const CANARY = 'canary-4c1e'
const KEY = makeKey('settings', 'kytos', 'test')
const FILE = 'settings/kytos/test.json'
const SCHEMA = { type: 'object', properties: { password: { type: 'string', 'x-sensitive': true } } }
const WAIT = { timeout: 30_000, interval: 100 }
const KEYS = createKeySet()

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kytos-typed-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function open(path: string): Promise<Backend> {
  const secrets = new SecretsOfStore(memoryKeySource(KEYS), () => {})
  await secrets.loadKeys()
  const backend = createFilesystemBackend({ path }, { report: () => {}, seal: secrets.edits })
  await backend.open()
  return backend
}

async function filesWithCanary(path: string): Promise<readonly string[]> {
  const found: string[] = []
  for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name)
    // A file that is replaced meanwhile is read at the next look.
    const bytes = entry.isFile() ? await readFile(file).catch(() => CANARY) : ''
    if (bytes.includes(CANARY)) found.push(file)
  }
  return found
}

test('a process that dies after a secret was typed leaves no file with it after the next start', async () => {
  const path = join(folder, 'store')
  const images: string[] = []
  const names: string[] = []
  let isTyped = false
  const stop = watchSteps(path, ({ name }) => {
    if (!isTyped) return undefined
    const image = join(folder, `image-${images.length}`)
    cpSync(path, image, { recursive: true })
    images.push(image)
    names.push(name)
    return undefined
  })
  const first = await open(path)
  await first.commit([
    {
      key: makeKey('schemas', 'kytos', 'test', 'a'.repeat(64)),
      put: JSON.stringify({ schema: SCHEMA, seed: {} }),
    },
    { key: KEY, put: '{"n":1}' },
  ])
  await expect.poll(() => readFile(join(path, FILE), 'utf8').catch(() => ''), WAIT).toContain('"n"')
  await writeFile(join(path, FILE), JSON.stringify({ n: 1, password: CANARY }))
  isTyped = true
  await expect.poll(() => filesWithCanary(path), WAIT).toEqual([])
  await expect
    .poll(() => names.filter(name => name.startsWith('write journal')).length, WAIT)
    .toBeGreaterThan(1)
  stop()
  await first.close()
  expect(names.join()).toContain('write journal')
  expect(names.some(name => name.startsWith('link') && name.endsWith('test.json'))).toBe(true)
  await Promise.all(
    images.map(async image => {
      const next = await open(image)
      await expect.poll(() => filesWithCanary(image), { ...WAIT, message: `${image}: ${names}` }).toEqual([])
      const text = (await next.get(KEY))?.text ?? ''
      expect(JSON.parse(text)).toEqual({ n: 1, password: { $sealed: expect.any(String) } })
      await next.close()
    }),
  )
}, 120_000)
