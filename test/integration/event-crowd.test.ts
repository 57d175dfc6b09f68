import { once } from 'node:events'
import { type ClientRequest, get, type IncomingMessage } from 'node:http'
import { expect, it, onTestFinished } from 'vitest'
import { ask } from '../../events/ask.ts'
import { API, openRealRig } from '../unit/http/harness.ts'

const READERS = 500
const CHANGES = 200

/** Reads a stream until it contains `last`; resolves with its text. */
async function read(
  port: number,
  last: string,
): Promise<{ readonly begun: Promise<void>; readonly text: Promise<string> }> {
  const request: ClientRequest = get({ host: '127.0.0.1', port, path: `${API}/events`, agent: false })
  onTestFinished(() => void request.destroy())
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  response.setEncoding('utf8')
  const begun = once(response, 'data').then(() => {})
  const text = new Promise<string>((resolve, reject) => {
    const chunks: string[] = []
    response.on('data', (chunk: string) => {
      chunks.push(chunk)
      if (chunk.endsWith('\n\n') && chunks.slice(-2).join('').includes(last)) resolve(chunks.join(''))
    })
    response.on('end', () => reject(new Error(`The stream ended: ${chunks.at(-1)}`)))
  })
  return { begun, text }
}

it(`${READERS} readers receive each of ${CHANGES} changes, whole and in order`, async () => {
  const { http, bus } = await openRealRig()
  const said: { readonly cursor: string; readonly line: string }[] = []
  bus.on('settings.changed', event => {
    said.push({ cursor: event.content.cursor, line: JSON.stringify(event) })
  })
  const last = 'the last one'
  const readers = await Promise.all(Array.from({ length: READERS }, () => read(http.port, last)))
  await Promise.all(readers.map(({ begun }) => begun))
  for (let n = 1; n <= CHANGES; n++) {
    await ask(bus, 'kytos.settings.update', {
      namespace: 'me/counter',
      data: { n, text: n === CHANGES ? last : `change ${n}` },
    })
  }
  const texts = await Promise.all(readers.map(({ text }) => text))
  expect(said).toHaveLength(CHANGES)
  const expected = said
    .map(({ cursor, line }) => `event: settings.changed\nid: ${cursor}\ndata: ${line}\n\n`)
    .join('')
  for (const text of texts) {
    // After what every stream begins with: when to come back, and where it is.
    const [, heard] = /^retry: \d+\nid: [\d.]+\n\n((?:.|\n)*)$/.exec(text) ?? []
    expect(heard).toBe(expected)
  }
})
