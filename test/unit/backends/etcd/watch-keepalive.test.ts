import type { IWatchRequest } from 'etcd3'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { WatchKeepalive } from '../../../../backends/etcd/watch-keepalive.ts'
import type { WatchStream } from '../../../../backends/etcd/watch-stream.ts'

/** What a keepalive asks of a stream and says of it. */
function line(): WatchStream & { readonly asked: IWatchRequest[]; readonly cut: (Error | undefined)[] } {
  const asked: IWatchRequest[] = []
  const cut: (Error | undefined)[] = []
  const responses = (async function* () {})()
  return {
    asked,
    cut,
    responses,
    failure: undefined,
    write: request => asked.push(request),
    cancel: reason => cut.push(reason),
  }
}

describe('The keepalive of a watch', () => {
  let keepalive: WatchKeepalive
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    keepalive.stop()
    vi.useRealTimers()
  })

  it('gives up a stream that does not begin within its time', () => {
    const stream = line()
    keepalive = new WatchKeepalive(stream, 4000)
    vi.advanceTimersByTime(4000)
    expect(stream.cut).toHaveLength(0)
    vi.advanceTimersByTime(500)
    expect(stream.cut).not.toHaveLength(0)
    expect(stream.asked).toHaveLength(0)
  })

  it('asks after 2 s of silence, and gives up when 1.5 s later nothing has come', () => {
    const stream = line()
    keepalive = new WatchKeepalive(stream, 4000)
    keepalive.eager = false
    keepalive.onResponse()
    vi.advanceTimersByTime(1999)
    expect(stream.asked).toHaveLength(0)
    vi.advanceTimersByTime(1)
    expect(stream.asked).toHaveLength(1)
    vi.advanceTimersByTime(1249)
    expect(stream.cut).toHaveLength(0)
    vi.advanceTimersByTime(500)
    expect(stream.cut).toHaveLength(1)
  })

  it('that insists asks again while it has no answer, but gives up no later', () => {
    const stream = line()
    keepalive = new WatchKeepalive(stream, 4000, true)
    keepalive.onResponse()
    keepalive.requestProgress()
    vi.advanceTimersByTime(500)
    expect(stream.asked).toHaveLength(3)
    expect(stream.cut).toHaveLength(0)
    vi.advanceTimersByTime(1000)
    expect(stream.cut).not.toHaveLength(0)
  })

  it('asks on and on as long as it is answered', () => {
    const stream = line()
    keepalive = new WatchKeepalive(stream, 4000)
    keepalive.eager = false
    keepalive.onResponse()
    for (let n = 1; n <= 10; n++) {
      vi.advanceTimersByTime(2250)
      expect(stream.asked).toHaveLength(n)
      keepalive.onResponse()
    }
    expect(stream.cut).toHaveLength(0)
  })

  it('does not blame the line while the reader is busy, and asks anew afterwards', () => {
    const stream = line()
    keepalive = new WatchKeepalive(stream, 4000)
    keepalive.eager = false
    keepalive.onResponse()
    keepalive.requestProgress()
    keepalive.busy = true
    vi.advanceTimersByTime(60_000)
    keepalive.busy = false
    vi.advanceTimersByTime(1000)
    expect(stream.cut).toHaveLength(0)
    vi.advanceTimersByTime(1000)
    expect(stream.cut).not.toHaveLength(0)
  })

  it('asks sooner while the server has yet to catch up', () => {
    const stream = line()
    keepalive = new WatchKeepalive(stream, 4000)
    keepalive.onResponse()
    vi.advanceTimersByTime(500)
    expect(stream.asked).toHaveLength(1)
  })
})
