import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLocalAuth, readLocalService } from '../../../src/tokens/local-auth.ts'
import type { Tokens } from '../../../src/tokens/tokens.ts'
import { watchSteps } from '../../chaos/filesystem-steps.ts'
import { keepLog } from '../../support/controller.ts'

const URL = 'http://127.0.0.1:8181'

let folder = ''
let stop = () => {}
const log = keepLog()
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kytos-local-'))
  log.lines.length = 0
})
afterEach(async () => {
  stop()
  await rm(folder, { recursive: true, force: true })
})

// Nothing here asks for a token of the service.
const open = () => createLocalAuth(folder, {} as Tokens, log)

function refuse(pattern: RegExp): void {
  const fail = () => {
    throw Object.assign(new Error('EBUSY, as the test wanted'), { code: 'EBUSY' })
  }
  stop = watchSteps(folder, ({ name }) => (pattern.test(name) ? { share: 0, end: fail } : undefined))
}

describe('The file that says where a service answers', () => {
  it('leaves no token behind when it cannot get its name', async () => {
    refuse(/^rename to service\.json$/)
    const door = open()
    await door.open(URL)
    expect(await readdir(folder)).toEqual([])
    expect(log.lines).toEqual([expect.stringContaining('EBUSY')])
    await door.close()
  })

  it('that cannot be removed is reported, and keeps nothing else from being closed', async () => {
    const door = open()
    await door.open(URL)
    expect(await readLocalService(folder)).toMatchObject({ url: URL })
    refuse(/^remove service\.json$/)
    await door.close()
    expect(log.lines).toEqual([expect.stringContaining('service.json was not removed')])
  })
})
