import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { isSettingsError } from '../../../../model/errors.ts'
import { findAddress, withAddress } from '../../../../src/cli/service/address.ts'
import { askJson } from '../../../../src/cli/service/request.ts'
import type { CliContext } from '../../../../src/cli/terminal/cli-context.ts'
import { temporaryTree } from '../../host/napps-tree.ts'
import { openRealRig } from '../../http/harness.ts'
import { runIn } from '../cli-world.ts'

const AWAY = 'http://127.0.0.1:1'

function contextIn(cwd: string, env: Readonly<Record<string, string>> = {}): CliContext {
  const out = { write: () => true }
  return {
    cwd,
    env: { VIRTUAL_ENV: cwd, ...env },
    stdin: Readable.from([]),
    stdout: out,
    stderr: out,
    interruption: () => new AbortController().signal,
    ready: () => {},
  }
}

describe('the address of the service', () => {
  it('is port 8181 of this host without a configuration file', async () => {
    const cwd = await temporaryTree()
    const { address, absent } = await findAddress({}, contextIn(cwd))
    expect(address).toEqual({ url: 'http://127.0.0.1:8181' })
    expect(isSettingsError(absent, 'CONFIG_ABSENT')).toBe(true)
  })

  it('receives no token of the environment unless a caller or a kytos.ini names it', async () => {
    const cwd = await temporaryTree()
    const context = contextIn(cwd, { KYTOS_SETTINGS_TOKEN: 'kytos_x' })
    await expect(findAddress({}, context)).rejects.toMatchObject({
      code: 'CONFIG_UNTRUSTED',
      message: expect.stringContaining('Name it: --url http://127.0.0.1:8181.'),
    })
  })

  it('is the first of several that answers', async () => {
    const { http } = await openRealRig()
    const cwd = await temporaryTree()
    expect(await runIn(cwd, ['list', '--url', AWAY, '--url', http.url])).toMatchObject({ exit: 0 })
    expect(await runIn(cwd, ['list', '--url', `${AWAY},${http.url}`])).toMatchObject({ exit: 0 })
    const none = await runIn(cwd, ['list', '--url', `${AWAY},${AWAY}`])
    expect(none).toMatchObject({ exit: 6, stderr: expect.stringContaining(`No service answers at ${AWAY}`) })
  })

  it('is not another one after an answer, whatever it says', async () => {
    const [one, other] = [await openRealRig(), await openRealRig()]
    const asked: string[] = []
    const failing = withAddress(
      async () => ({ address: { url: one.http.url }, others: [{ url: other.http.url }] }),
      ({ address }) => {
        asked.push(address.url)
        return askJson(address, { method: 'GET', path: '/kytos/nowhere' })
      },
    )
    await expect(failing).rejects.toMatchObject({ code: 'NAMESPACE_NOT_FOUND' })
    expect(asked).toEqual([one.http.url])
  })
})
