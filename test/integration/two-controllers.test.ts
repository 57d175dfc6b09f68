import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { parseJson, printJson } from '../../model/json.ts'
import { isObject, type Json } from '../../model/value.ts'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'
import { freshFolder, kytosSettings, type Process } from './host-process.ts'

const LINK_DISCOVERY = '/api/kytos/settings/v1/kytos/link_discovery'
const EVENTS = '/api/kytos/settings/v1/events'

let etcd: EtcdServer | undefined
afterEach(async () => {
  await etcd?.stop()
  etcd = undefined
})

/** A controller in a folder and a process of its own, on the etcd of this test. */
async function startController(
  id: string,
  cwd?: string,
): Promise<Process & { readonly url: string; readonly cwd: string }> {
  const folder = cwd ?? (await freshFolder())
  if (!cwd) {
    const file = join(folder, 'kytos.ini')
    const text = await readFile(file, 'utf8')
    const chosen = text.replace('[settings]', `[settings]\nbackend = etcd\ncontroller = ${id}`)
    await writeFile(file, `${chosen}[settings.etcd]\nendpoints = ["${etcd?.endpoint}"]\n`)
  }
  const process = kytosSettings(folder, 'start')
  return { ...process, url: await process.ready, cwd: folder }
}

/** Reads an event stream until it is closed; returns the parsed data of each `settings.changed`. */
function followEvents(url: string): {
  readonly versions: number[]
  readonly cursors: string[]
  close(): void
} {
  const versions: number[] = []
  const cursors: string[] = []
  const end = new AbortController()
  const read = async () => {
    const response = await fetch(`${url}${EVENTS}?namespace=kytos/link_discovery`, { signal: end.signal })
    let text = ''
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString()
      for (let at = text.indexOf('\n\n'); at >= 0; at = text.indexOf('\n\n')) {
        const data = /^event: settings\.changed$[\s\S]*^data: (.*)$/m.exec(text.slice(0, at))
        text = text.slice(at + 2)
        if (!data) continue
        const { content } = JSON.parse(data[1] ?? '')
        versions.push(content.version)
        cursors.push(content.cursor)
      }
    }
  }
  // It is closed by aborting; a missed event shows in the returned data.
  read().catch(() => {})
  return { versions, cursors, close: () => end.abort() }
}

/** The effective settings that a controller answers with, and its state. */
async function readSettings(
  url: string,
): Promise<{ readonly state: string; readonly polling_time: Json | undefined }> {
  return settingsIn(await fetch(`${url}${LINK_DISCOVERY}`))
}

async function settingsIn(
  response: Response,
): Promise<{ readonly state: string; readonly polling_time: Json | undefined }> {
  const body = parseJson(await response.text())
  if (!isObject(body) || !isObject(body.data)) throw new Error(`not settings: ${printJson(body)}`)
  return { state: String(body.state), polling_time: body.data.polling_time }
}

function patch(url: string, body: string): Promise<Response> {
  return fetch(`${url}${LINK_DISCOVERY}`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body,
  })
}

describe('two controllers, processes of their own, on one etcd', () => {
  it('follow one another live, receive each change exactly once, and keep it over a restart and kill -9', {
    timeout: 60_000,
  }, async () => {
    etcd = await startEtcd()
    const [one, two] = await Promise.all([startController('one'), startController('two')])
    const readers = [one, two].map(({ url }) => followEvents(url))
    await Promise.all(
      [one, two].map(({ url }) => expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(200)),
    )

    for (let seconds = 1; seconds <= 5; seconds++) {
      const { url } = seconds % 2 ? one : two
      const response = await patch(url, `{"polling_time": ${seconds}}`)
      expect(response.status).toBe(200)
      expect((await settingsIn(response)).polling_time).toBe(seconds)
    }
    for (const reader of readers)
      await expect.poll(() => reader.versions, { timeout: 5_000 }).toEqual([1, 2, 3, 4, 5])
    expect(readers[0]?.cursors).toEqual(readers[1]?.cursors)
    await Promise.all([one, two].map(process => process.prints(/polling_time: 4 -> 5 /)))

    one.child.kill('SIGKILL')
    await one.ended
    const response = await patch(two.url, '{"polling_time": 1}')
    expect(response.status).toBe(200)
    const again = await startController('one', one.cwd)
    expect((await readSettings(again.url)).polling_time).toBe(1)
    // The pollers run at the new interval: the one that was restarted, and the one that never was.
    await Promise.all([again, two].map(process => process.prints(/poll \d+: every 1 s/)))
    for (const reader of readers) reader.close()

    two.child.kill('SIGTERM')
    again.child.kill('SIGTERM')
    expect([await two.ended, await again.ended]).toEqual([0, 0])
  })

  it('start from the last known state while etcd is away, marked STALE, and catch up with the changes of the meantime', {
    timeout: 60_000,
  }, async () => {
    etcd = await startEtcd()
    const first = await startController('one')
    await patch(first.url, '{"polling_time": 7}')
    first.child.kill('SIGTERM')
    await first.ended
    await etcd.client.put('/kytos/settings/kytos/link_discovery').value('{"polling_time": 2}')
    await etcd.kill()

    const again = await startController('one', first.cwd)
    expect(await readSettings(again.url)).toEqual({ state: 'STALE', polling_time: 7 })
    const refused = await patch(again.url, '{"polling_time": 9}')
    expect(refused.status).toBe(503)
    expect((await fetch(`${again.url}/readyz`)).status).toBe(200)

    await etcd.restart()
    await expect.poll(async () => (await readSettings(again.url)).state, { timeout: 10_000 }).toBe('READY')
    expect((await readSettings(again.url)).polling_time).toBe(2)
    await again.prints(/polling_time: 7 -> 2 /)
    await again.prints(/poll \d+: every 2 s/)
    again.child.kill('SIGTERM')
    expect(await again.ended).toBe(0)
  })
})
