import { expect, it } from 'vitest'
import { openBusSocket } from '../../support/bus-socket.ts'
import { openRealRig } from './harness.ts'

const MEBIBYTE = 1_048_576

it('messages without an end occupy 64 MiB of a caller at most, and end only their own connections', async () => {
  const { http } = await openRealRig()
  const well = await openBusSocket(http.port)
  const lines = await Promise.all(Array.from({ length: 8 }, () => openBusSocket(http.port)))
  let closed = 0
  for (const { socket } of lines) socket.once('close', () => closed++)
  for (const { socket } of lines)
    for (let i = 0; i < 15; i++) socket.send(' '.repeat(MEBIBYTE), { fin: false })
  // 64 MiB hold four of them.
  const isSent = (): boolean => lines.every(({ socket }) => socket.bufferedAmount === 0)
  await expect.poll(() => (closed >= 4 ? isSent() : closed), { timeout: 30_000 }).toBe(true)
  expect(await well.ask('kytos.settings.list')).toMatchObject({ data: [] })
  // Pings between are no message, and those of a message that ends are counted no more.
  for (let i = 0; i < 20; i++) well.socket.ping('x'.repeat(100))
  for (let i = 0; i < 66; i++) {
    well.socket.send(' '.repeat(MEBIBYTE), { fin: false })
    well.socket.send(' ', { fin: true })
    expect(await well.next()).toMatchObject({ error: { code: expect.any(String) } })
    if (i === 0) for (const { socket } of lines) socket.terminate()
  }
})
