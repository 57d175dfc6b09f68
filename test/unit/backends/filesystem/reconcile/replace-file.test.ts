import { readFileSync, writeFileSync } from 'node:fs'
import { link, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isPartialWrite, look, type Seen } from '../../../../../backends/filesystem/reconcile/look.ts'
import {
  keepRejected,
  prepareText,
  putPrepared,
  takeAway,
} from '../../../../../backends/filesystem/reconcile/replace-file.ts'
import { watchSteps } from '../../../../chaos/filesystem-steps.ts'

let folder = ''
let file = ''
let stop = () => {}
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kytos-readable-'))
  file = join(folder, 'a.json')
  await writeFile(file, 'old', { mode: 0o640 })
})
afterEach(async () => {
  stop()
  await rm(folder, { recursive: true, force: true })
})

describe.each([true, false])('A file that is replaced (in one step: %s)', inOneStep => {
  it.each([true, false])(
    'holds the new text, and the old one is kept beside it (hard links: %s)',
    async links => {
      if (!links) refuseLinks()
      const taken = await put(inOneStep)
      expect(taken.done).toBe(true)
      expect(taken.away).toBe(!inOneStep || !links)
      expect(await contents()).toEqual({ 'a.json': 'new', '.a.json.replaced': 'old' })
      expect((await stat(file)).mode & 0o777).toBe(0o640)
    },
  )

  it('is replaced although it has a second name, of a call that was refused half-way', async () => {
    await link(file, join(folder, '.a.json.replaced'))
    expect((await put(inOneStep)).done).toBe(true)
    expect(await contents()).toEqual({ 'a.json': 'new', '.a.json.replaced': 'old' })
  })

  it.each(inOneStep ? [false] : [true, false])(
    'is left to the person who makes one in the free place (hard links: %s)',
    async links => {
      if (!links) refuseLinks()
      const taken = await put(inOneStep, () => writeFileSync(file, 'of a person'))
      expect(taken.done).toBe(false)
      expect(await contents()).toMatchObject({ 'a.json': 'of a person', '.a.json.replaced': 'old' })
    },
  )

  it('is left as it is when it is not as it was seen', async () => {
    const seen = await see()
    await prepareText(file, 'new')
    await writeFile(file, 'edited')
    expect(
      await putPrepared(file, 'new', seen, {
        inOneStep,
        onMoved: () => expect.fail('nothing was moved'),
        onTakenAway: () => {},
      }),
    ).toBe(false)
    expect(takeAway(file, seen, () => expect.fail('nothing was moved'))).toBe(false)
    expect(await readFile(file, 'utf8')).toBe('edited')
  })
})

describe('The beginning of a text', () => {
  it.each([
    ['', true],
    ['{"a', true],
    ['{"a\0\0', true],
    ['{"a":1}', false],
    ['{"b', false],
    ['{"a":1} ', false],
  ])('%j is one of {"a":1}: %s', async (content, expected) => {
    await writeFile(file, content)
    expect(isPartialWrite(await see(), '{"a":1}')).toBe(expected)
  })

  it('is not an absent file', async () => {
    await rm(file)
    expect(isPartialWrite(await see(), '{"a":1}')).toBe(false)
  })
})

describe('A copy of what is not taken in', () => {
  it('stays whole when the next one cannot be written', async () => {
    await keepRejected(file)
    await writeFile(file, 'other')
    stop = watchSteps(folder, ({ name }) =>
      name === 'write .a.json.tmp' ? { share: 0.5, end: fail } : undefined,
    )
    await expect(keepRejected(file)).rejects.toThrow('ENOSPC')
    expect(await readFile(`${file}.rejected`, 'utf8')).toBe('old')
  })
})

/** Prepares and puts a new text; `meanwhile` is what a person does while there is no file. */
async function put(inOneStep: boolean, meanwhile = () => {}) {
  const seen = await see()
  await prepareText(file, 'new')
  let away = false
  const onTakenAway = () => {
    away = true
    meanwhile()
  }
  const onMoved = () => expect(readFileSync(join(folder, '.a.json.replaced'), 'utf8')).toBe('old')
  return { done: await putPrepared(file, 'new', seen, { inOneStep, onMoved, onTakenAway }), away }
}

function refuseLinks(): void {
  stop = watchSteps(folder, ({ name }) => (name.startsWith('link ') ? { share: 0, end: fail } : undefined))
}

function fail(): never {
  throw Object.assign(new Error('ENOSPC, as the test wanted'), { code: 'ENOSPC' })
}

async function see(): Promise<Seen> {
  const seen = await look(file)
  if (!seen) throw new Error('Nothing was seen.')
  return seen
}

async function contents(): Promise<Record<string, string>> {
  const names = await readdir(folder)
  return Object.fromEntries(
    await Promise.all(names.map(async name => [name, await readFile(join(folder, name), 'utf8')] as const)),
  )
}
