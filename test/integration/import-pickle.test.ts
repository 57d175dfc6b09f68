import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseJson, printJson } from '../../model/json.ts'
import { readBoxPickle } from '../../src/import/box-pickle.ts'
import { createRandom } from '../chaos/random.ts'

/** Further by hand: IMPORT_SEED=7 IMPORT_BOXES=20000. */
const SEED = process.env.IMPORT_SEED ?? '1'
const BOXES = process.env.IMPORT_BOXES ?? '900'

interface Written {
  readonly good: readonly {
    readonly pickle: string
    readonly protocol: number
    readonly json: string
    readonly created_at: string
    readonly owner: string | null
  }[]
  readonly bad: readonly { readonly pickle: string; readonly protocol: number; readonly name: string }[]
}

let folder: string
let marker: string
let written: Written
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kytos-pickle-'))
  marker = join(folder, 'ran')
  const script = fileURLToPath(new URL('import-pickle.py', import.meta.url))
  // The script writes JSON of this type.
  written = JSON.parse(
    execFileSync('python3', [script, SEED, BOXES, marker], { encoding: 'utf8', maxBuffer: 2 ** 29 }),
  ) as Written
})
afterAll(async () => {
  await rm(folder, { recursive: true })
})

const bytesOf = ({ pickle }: { readonly pickle: string }): Buffer => Buffer.from(pickle, 'base64')

describe('a box that Python pickled', () => {
  it('returns its data, in every protocol, exactly', () => {
    expect(new Set(written.good.map(({ protocol }) => protocol))).toEqual(new Set([0, 1, 2, 3, 4, 5]))
    for (const one of written.good) {
      const box = readBoxPickle(bytesOf(one))
      if ('refused' in box) throw new Error(`protocol ${one.protocol}: ${box.refused}: ${one.json}`)
      expect(printJson(box.data), `protocol ${one.protocol}`).toBe(printJson(parseJson(one.json)))
      expect(box).toMatchObject({
        namespace: 'kytos.test',
        box_id: 'b',
        owner: one.owner ?? undefined,
        created_at: `${one.created_at.replace(' ', 'T')}Z`,
      })
    }
  })

  it('is rejected with a message when it is malicious, a cycle, a bomb, or contains values without JSON; no code of it runs', () => {
    for (const one of written.bad) {
      const begin = performance.now()
      expect(readBoxPickle(bytesOf(one)), `${one.name}, protocol ${one.protocol}`).toEqual({
        refused: expect.stringMatching(/^(?:its?|an?|one|the|bytes) .*\w/),
      })
      expect(performance.now() - begin, one.name).toBeLessThan(5_000)
    }
    const evil = written.bad.find(({ name }) => name === 'evil')
    expect(evil && readBoxPickle(bytesOf(evil))).toEqual({ refused: expect.stringContaining('posix.system') })
    expect(existsSync(marker)).toBe(false)
  })

  it('is rejected wherever it is cut off, and never throws for any damage', () => {
    const random = createRandom(Number(SEED))
    for (const one of written.good.slice(0, 300)) {
      const bytes = bytesOf(one)
      for (let i = 0; i < 10; i++)
        expect(readBoxPickle(bytes.subarray(0, random.between(0, bytes.length - 1)))).toHaveProperty(
          'refused',
        )
      for (let i = 0; i < 10; i++) {
        const broken = Buffer.from(bytes)
        for (let k = random.between(1, 3); k > 0; k--)
          broken[random.between(0, broken.length - 1)] = random.between(0, 255)
        expect(readBoxPickle(broken)).toBeTypeOf('object')
      }
    }
    expect(readBoxPickle(new Uint8Array())).toEqual({ refused: 'it is empty' })
    expect(readBoxPickle(Buffer.from('not a pickle\n'))).toHaveProperty('refused')
  })

  it('is refused in time when it is made of nothing but steps', () => {
    for (const code of [0x5d, 0x28]) {
      const begin = performance.now()
      expect(readBoxPickle(Buffer.alloc(8 * 1024 * 1024, code))).toHaveProperty('refused')
      expect(performance.now() - begin).toBeLessThan(10_000)
    }
    // Each doubles the last by the memo, without ever nesting much in the file.
    const doubled = Buffer.concat([
      Buffer.from(']q\0'),
      ...Array.from({ length: 90 }, () => Buffer.from('](h\0h\0eq\0')),
      Buffer.from('.'),
    ])
    expect(readBoxPickle(doubled)).toHaveProperty('refused')
  })
})
