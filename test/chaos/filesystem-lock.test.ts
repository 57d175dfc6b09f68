import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import { toSettingsError } from '../../model/errors.ts'
import { makeKey } from '../../model/key.ts'
import { compileProgram, type Program } from './filesystem-compile.ts'
import { type Holder, startHolder } from './filesystem-holders.ts'
import { LONG } from './filesystem-sample.ts'

const RACERS = 8
const ROUNDS = LONG ? 100 : 20

let program: Program
let path = ''
let holders: Holder[] = []
beforeAll(async () => {
  program = await compileProgram('filesystem-holder')
})
afterAll(() => program.remove())
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'kytos-lock-'))
})
afterEach(async () => {
  for (const holder of holders) await holder.kill()
  holders = []
  await rm(path, { recursive: true, force: true })
})

describe('Two processes on one store', () => {
  it('are one too many: the second is refused, and told the process that has it, until that one ends, however it ends', async () => {
    const first = hold()
    expect(await first.ask('open')).toBe('ok 0')
    const second = hold()
    expect(await second.ask('open')).toMatch(new RegExp(`^STORE_LOCKED .*process ${first.pid} `))
    expect(await first.ask('put meta/a')).toBe('ok 1')
    await first.kill()
    expect(await second.ask('open')).toBe('ok 0')
    expect(await second.ask('put meta/a')).toBe('ok 2')
    await second.ask('close')
    expect(await hold().ask('open')).toBe('ok 0')
  })

  it('stay one too many while the first is stopped, which goes on afterwards as if nothing had been', async () => {
    const first = hold()
    await first.ask('open')
    await first.ask('put meta/a')
    first.signal('SIGSTOP')
    const second = hold()
    for (let tries = 0; tries < 3; tries++) expect(await second.ask('open')).toMatch(/^STORE_LOCKED/)
    first.signal('SIGCONT')
    expect(await first.ask('put meta/b')).toBe('ok 2')
    await first.ask('close')
    expect(await second.ask('open')).toBe('ok 0')
    expect(await second.ask('put meta/c')).toBe('ok 3')
  })

  it('are one too many though the parent of the first is dead', async () => {
    const script = `
      const child = require('node:child_process').spawn(process.execPath, ${JSON.stringify([program.file, path])}, { stdio: ['pipe', 'pipe', 'inherit'], detached: true })
      child.stdin.write('open\\n')
      child.stdout.once('data', () => { console.log(child.pid); setInterval(() => {}, 1000) })`
    // The pipes of the grandchild end with its parent: a holder that only reads them would end as well, so it
    // is stopped first.
    const parent = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = await once(createInterface({ input: parent.stdout }), 'line')
    const orphan = Number(line)
    try {
      process.kill(orphan, 'SIGSTOP')
      parent.kill('SIGKILL')
      await once(parent, 'exit')
      expect(await hold().ask('open')).toMatch(new RegExp(`^STORE_LOCKED .*process ${orphan} `))
    } finally {
      process.kill(orphan, 'SIGKILL')
    }
    await vi.waitFor(async () => expect(await hold().ask('open')).toBe('ok 0'), 20_000)
  })

  it.each([
    ['the lock file', async () => rm(join(path, 'journal', 'lock'))],
    [
      'the lock file, and makes another',
      async () => rename(join(path, 'journal', 'lock'), join(path, 'journal', 'lock.old')),
    ],
    ['the whole journal', async () => rm(join(path, 'journal'), { recursive: true })],
  ])('are one too many though a person removes %s', async (_, remove) => {
    const first = hold()
    await first.ask('open')
    await first.ask('put meta/a')
    await remove()
    expect(await hold().ask('open')).toMatch(/^STORE_LOCKED/)
    expect(await hold().ask('open')).toMatch(/^STORE_LOCKED/)
    await first.kill()
    expect(await hold().ask('open')).toBe('ok 0')
  })
})

describe('A race to open one store', () => {
  it('has exactly one winner, every time, and nothing that a winner wrote is lost', {
    timeout: 60_000,
  }, async () => {
    const racers = Array.from({ length: RACERS }, () => hold())
    for (let round = 1; round <= ROUNDS; round++) {
      const answers = await Promise.all(racers.map(racer => racer.ask('open')))
      const winners = racers.filter((_, at) => answers[at] === 'ok 0')
      const at = answers.indexOf('ok 0')
      expect(winners, `round ${round}: ${answers.join('; ')}`).toHaveLength(1)
      expect(answers.filter(answer => answer.startsWith('STORE_LOCKED'))).toHaveLength(RACERS - 1)
      expect(await winners[0]?.ask(`put meta/round-${round}`)).toBe(`ok ${round}`)
      if (round % 5 !== 0) await winners[0]?.ask('close')
      else {
        await winners[0]?.kill()
        racers[at] = hold()
      }
    }
    const store = createFilesystemBackend({ path }, { report: () => {} })
    await store.open().catch(error => expect.fail(toSettingsError(error).message))
    for (let round = 1; round <= ROUNDS; round++)
      expect((await store.get(makeKey('meta', `round-${round}`)))?.modRevision).toBe(BigInt(round))
    await store.close()
  })
})

function hold(): Holder {
  const holder = startHolder(program.file, path)
  holders.push(holder)
  return holder
}
