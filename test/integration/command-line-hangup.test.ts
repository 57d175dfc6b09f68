import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CliStage, openCliStage, type Terminal } from './cli-stage.ts'

/** True while a process runs; false for a zombie. */
async function runs(pid: number): Promise<boolean> {
  const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z')
  return !/\) [ZX]/.test(state)
}

/** The process in a terminal that is taken away once it shows something. */
async function abandoned(terminal: Terminal, shows: RegExp): Promise<number> {
  await terminal.shows(shows)
  const pid = await terminal.pid()
  expect(await runs(pid)).toBe(true)
  terminal.vanish()
  return pid
}

describe('a terminal that is gone', () => {
  let stage: CliStage
  beforeAll(async () => {
    stage = await openCliStage('filesystem')
  })
  afterAll(() => stage.close())

  it('ends the service in order, although its terminal is gone', async () => {
    const pid = await abandoned(stage.terminal(['start']), /listening|http:\/\/\S+/)
    await expect.poll(() => runs(pid), { timeout: 10_000 }).toBe(false)
    // In order: the file with the owner's token is removed.
    await expect(readFile(join(stage.cwd, 'state/c1/service.json'))).rejects.toThrow('ENOENT')
  })

  it('ends an import that is in progress', async () => {
    await stage.start()
    const many = Object.fromEntries(Array.from({ length: 3_000 }, (_, n) => [`kytos/napp_${n}`, { n }]))
    await writeFile(join(stage.cwd, 'many.json'), JSON.stringify(many))
    const pid = await abandoned(stage.terminal(['import', 'many.json']), /imported: [1-9]\d* of 3000/)
    await expect.poll(() => runs(pid), { timeout: 10_000 }).toBe(false)
  })
})
