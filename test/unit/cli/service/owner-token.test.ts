import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { createMemoryBackend } from '../../../../backends/memory/index.ts'
import { createBus } from '../../../../events/bus.ts'
import { createService } from '../../../../src/app/service.ts'
import { withAddress } from '../../../../src/cli/service/address.ts'
import { follow } from '../../../../src/cli/service/follow.ts'
import { askJson } from '../../../../src/cli/service/request.ts'
import { openHttp } from '../../../../src/http/server.ts'
import { createLocalAuth, readLocalService } from '../../../../src/tokens/local-auth.ts'
import { keepLog } from '../../../support/controller.ts'
import { freePort } from '../../../support/etcd-process.ts'

/*
 * A restart of the service under a running command. The new service accepts connections before its file has
 * the token of the owner, and a command may have read the file before that.
 */

const SOON = { timeout: 10_000, interval: 5 }

let folder: string
let port: number
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kytos-owner-'))
  port = await freePort()
})
afterEach(() => rm(folder, { recursive: true }))

/** A service that serves, and that writes its file when told to. */
async function start() {
  const log = keepLog()
  const bus = createBus({ log })
  const service = createService(() => createMemoryBackend(), {
    bus,
    controller: 'c1',
    strict: false,
    log,
    startTimeout: 10_000,
  })
  const local = createLocalAuth(folder, service.tokens, log)
  const http = await openHttp({
    bus,
    feed: service.feed,
    health: service.health,
    log,
    listen: '127.0.0.1',
    port,
    auth: { required: true, tokens: local.tokens },
  })
  await service.start()
  const stop = async () => {
    await http.close()
    await service.close()
  }
  onTestFinished(stop)
  return { publish: () => local.open(http.url), kill: stop, withdraw: () => local.close() }
}

/** What the command line knows of the service; its file may be gone. */
async function find() {
  const service = await readLocalService(folder)
  return { address: { url: `http://127.0.0.1:${port}`, isOwn: true, ...service }, isOwner: true }
}

function watch() {
  const seen = { opened: 0, lost: [] as string[] }
  const stopping = new AbortController()
  const ended = follow({
    find,
    namespaces: [],
    since: undefined,
    signal: stopping.signal,
    heard: () => {},
    opened: () => void seen.opened++,
    lost: why => void seen.lost.push(why.code),
  })
  // The test looks at `ended` only at its end.
  ended.catch(() => {})
  onTestFinished(() => stopping.abort())
  return { seen, ended, stop: () => stopping.abort() }
}

describe('The token of the owner', () => {
  it.each(['the old one', 'none'])(
    'is read again when the file holds %s while the service restarts',
    async held => {
      const first = await start()
      await first.publish()
      const { seen, ended, stop } = watch()
      await expect.poll(() => seen.opened, SOON).toBe(1)
      if (held === 'none') await first.withdraw()
      await first.kill()
      const second = await start()
      await expect.poll(() => seen.lost, SOON).toContain(held === 'none' ? 'TOKEN_REQUIRED' : 'STORE_STALE')
      await second.publish()
      await expect.poll(() => seen.opened, SOON).toBe(2)
      stop()
      await ended
    },
  )

  it('is read again by a command that has read the one of the service before', async () => {
    const first = await start()
    await first.publish()
    const old = await find()
    await first.kill()
    const second = await start()
    await second.publish()
    const finds = [() => Promise.resolve(old), find]
    const answer = await withAddress(
      () => (finds.shift() ?? find)(),
      ({ address }) => askJson(address, { method: 'GET', path: '/' }),
    )
    expect(answer).toEqual([])
    await expect(
      withAddress(
        () => Promise.resolve(old),
        ({ address }) => askJson(address, { method: 'GET', path: '/' }),
      ),
    ).rejects.toMatchObject({ code: 'TOKEN_INVALID' })
  })
})
