import { describe, expect, it, onTestFinished } from 'vitest'
import { BOX_MESSAGE_BYTES, MESSAGE_BYTES } from '../../../events/limits.ts'
import { SettingsError } from '../../../model/errors.ts'
import { MAX_PENDING_BYTES } from '../../../src/http/bus/pending-commands.ts'
import { type BusSocket, openBusSocket } from '../../support/bus-socket.ts'
import { holdBeats } from '../../support/held-beats.ts'
import { startThrottle } from '../../support/throttle.ts'
import { openBareRig, openRealRig } from './harness.ts'

const MiB = 1_048_576

describe('a frame', () => {
  const frame = (size: number, id: string | number, name: string, content: object) => {
    const text = JSON.stringify({ id, name, content: { ...content, data: '' } })
    return text.replace('"data":""', `"data":"${'x'.repeat(size - text.length)}"`)
  }
  const box = (size: number, id = 1) =>
    frame(size, id, 'kytos.storehouse.create', { namespace: 'net', box_id: String(id) })

  it('that carries a box may be as large as the largest, and closes the line when it is larger', async () => {
    const { http } = await openRealRig()
    const line = await openBusSocket(http.port)
    line.send(box(16 * MiB))
    expect(await line.next()).toMatchObject({ reply_to: 1, data: { box_id: '1' } })
    line.send(box(BOX_MESSAGE_BYTES, 2))
    expect(await line.next()).toMatchObject({ reply_to: 2, error: { code: 'DOCUMENT_TOO_LARGE' } })
    line.send(box(BOX_MESSAGE_BYTES + 1, 3))
    expect((await line.closed)[0]).toBe(1009)
    expect(
      await (await openBusSocket(http.port)).ask('kytos.storehouse.list', { namespace: 'net' }),
    ).toMatchObject({ data: ['1'] })
  })

  it('that carries anything else is refused beyond 1 MiB, and the line goes on', async () => {
    const { http } = await openRealRig()
    const line = await openBusSocket(http.port)
    const update = (size: number) => frame(size, 'a', 'kytos.settings.update', { namespace: 'kytos/a' })
    const tooLarge = { code: 'DOCUMENT_TOO_LARGE', details: { size: MESSAGE_BYTES + 1, max: MESSAGE_BYTES } }
    line.send(update(MESSAGE_BYTES + 1))
    expect(await line.next()).toMatchObject({ reply_to: 'a', error: tooLarge })
    line.send(`{"publish":{"name":"kytos/a.b","content":{"x":"${'x'.repeat(MESSAGE_BYTES)}"}}}`)
    expect(await line.next()).toMatchObject({
      reply_to: null,
      error: { code: 'DOCUMENT_TOO_LARGE', details: { frame: 'publish' } },
    })
    // As far as its size goes.
    line.send(update(MESSAGE_BYTES))
    expect(await line.next()).toMatchObject({ reply_to: 'a', error: { code: 'CONTENT_MALFORMED' } })
  })

  it('may come slowly: its peer is there as long as more of it comes', async () => {
    const { beat } = holdBeats()
    const { http } = await openBareRig()
    const throttle = await startThrottle(http.port, 4 * MiB, 'requests')
    onTestFinished(() => throttle.close())
    const line = await openBusSocket(throttle.port)
    // Its answers to pings wait behind the frame: only more of the frame shows that it is there.
    line.send(box(4 * MiB))
    for (let beats = 0; beats < 5; beats++) {
      const { passed } = throttle
      await expect.poll(() => throttle.passed, { interval: 1 }).toBeGreaterThan(passed)
      await beat()
    }
    expect(throttle.passed).toBeLessThan(4 * MiB)
    expect(await line.next()).toMatchObject({ reply_to: 1, error: { code: 'SERVICE_ABSENT' } })
  })

  it('is not read while those that are worked on hold much', async () => {
    // Nor is its peer taken to be gone meanwhile.
    const { http, bus } = await openBareRig({ heartbeat: 50 })
    const begun: (() => void)[] = []
    bus.serve(
      'kytos.storehouse.create',
      () =>
        new Promise((_, reject) => begun.push(() => reject(new SettingsError('DOCUMENT_EXISTS', 'there')))),
    )
    const line = await openBusSocket(http.port)
    for (const id of [1, 2, 3]) line.send(box(MAX_PENDING_BYTES + 1, id))
    await expect.poll(() => begun.length).toBe(1)
    await new Promise(resolve => setTimeout(resolve, 200))
    for (const count of [1, 2, 3]) {
      expect(begun).toHaveLength(count)
      begun[count - 1]?.()
      expect(await line.next()).toMatchObject({ reply_to: count, error: { code: 'DOCUMENT_EXISTS' } })
      if (count < 3) await expect.poll(() => begun.length).toBe(count + 1)
    }
  })

  it.each<[string, (line: BusSocket) => void, number]>([
    ['binary', ({ socket }) => socket.send(Buffer.from('{"subscribe":[]}')), 1003],
    [
      'of bytes that are no UTF-8',
      ({ socket }) => socket.send(Buffer.from([0x22, 0xff, 0x22]), { binary: false }),
      1007,
    ],
    [
      'in pieces beyond the limit',
      ({ socket }) => {
        for (let i = 0; i < 3; i++) socket.send('x'.repeat(BOX_MESSAGE_BYTES / 2), { fin: false })
      },
      1009,
    ],
  ])('%s closes the line', async (_what, send, code) => {
    const { http } = await openBareRig()
    const line = await openBusSocket(http.port)
    send(line)
    expect((await line.closed)[0]).toBe(code)
  })
})
