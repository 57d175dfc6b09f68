import { describe, expect, it } from 'vitest'
import { API, NAMESPACE, openRealRig } from './harness.ts'

const BOX = '/api/kytos/storehouse/v1/net/a'
const create = { 'if-none-match': '*' }

async function openFilled() {
  const rig = await openRealRig()
  await rig.send('PATCH', NAMESPACE, { body: { json: { a: 1 } } })
  await rig.send('POST', BOX.replace('/v1/', '/v2/'), { body: { json: { a: 1 } } })
  return rig
}

describe.each([NAMESPACE, BOX])('If-None-Match: * at %s', path => {
  it.each(['PATCH', 'DELETE', 'PUT'])('lets no %s replace or delete anything', async method => {
    const { send } = await openFilled()
    const before = (await send('GET', path)).text
    const body = method === 'DELETE' ? {} : { body: { json: { a: 2 } } }
    const { status, json } = await send(method, path, { headers: create, ...body })
    // PUT of settings creates, so it says what is there.
    const expected =
      path === NAMESPACE && method === 'PUT' ? [409, 'DOCUMENT_EXISTS'] : [412, 'REVISION_MISMATCH']
    expect([status, json.code]).toEqual(expected)
    expect((await send('GET', path)).text).toBe(before)
  })
})

describe('If-Match', () => {
  it.each([NAMESPACE, BOX])('with one quote is malformed, and changes nothing: %s', async path => {
    const { send } = await openFilled()
    const { text, headers } = await send('GET', path)
    const [revision = ''] = /\d+/.exec(headers.etag ?? '') ?? []
    for (const got of [`"${revision}`, `${revision}"`, '"', '""']) {
      for (const method of ['PUT', 'PATCH', 'DELETE']) {
        const body = method === 'DELETE' ? {} : { body: { json: {} } }
        const answer = await send(method, path, { headers: { 'if-match': got }, ...body })
        expect([method, got, answer.status, answer.json.code]).toEqual([
          method,
          got,
          400,
          'CONTENT_MALFORMED',
        ])
      }
    }
    expect((await send('GET', path)).text).toBe(text)
  })

  it('guards the deletion of a box', async () => {
    const { send } = await openFilled()
    const { etag = '' } = (await send('GET', BOX)).headers
    await send('PUT', BOX, { body: { json: { a: 2 } } })
    expect((await send('DELETE', BOX, { headers: { 'if-match': etag } })).json).toMatchObject({
      status: 412,
      code: 'REVISION_MISMATCH',
    })
    const now = (await send('GET', BOX)).headers.etag ?? ''
    expect((await send('DELETE', BOX, { headers: { 'if-match': now } })).status).toBe(200)
    expect((await send('DELETE', BOX, { headers: { 'if-match': now } })).status).toBe(404)
  })

  it.each([
    ['PUT', `${NAMESPACE}/schema`, { type: 'object' }],
    ['POST', '/api/kytos/storehouse/v2/net/new', {}],
    ['POST', `${API}/transaction`, { operations: [{ namespace: 'kytos/a', data: {} }] }],
    ['POST', `${API}/files/restore`, {}],
    ['PATCH', `${API}/dead_letter`, { event_name: 'x' }],
    ['DELETE', `${API}/dead_letter`, { event_name: 'x' }],
  ])('is refused where it is not supported, instead of being ignored: %s %s', async (method, path, json) => {
    const { send } = await openFilled()
    const answer = await send(method, path, { headers: { 'if-match': '"1"' }, body: { json } })
    expect([answer.status, answer.json.code]).toEqual([400, 'CONTENT_MALFORMED'])
  })

  it('of a GET is compared, too', async () => {
    const { send } = await openFilled()
    const { etag = '' } = (await send('GET', BOX)).headers
    for (const [got, status] of [
      [etag, 200],
      ['*', 200],
      [`"0", ${etag}`, 200],
      ['"0"', 412],
      [`W/${etag}`, 412],
    ] as const)
      expect([got, (await send('GET', BOX, { headers: { 'if-match': got } })).status]).toEqual([got, status])
  })
})

describe('the schema of a NApp', () => {
  const path = `${NAMESPACE}/schema`
  const body = (n: number) => ({ body: { json: { properties: { n: { default: n } } } } })
  const found = async () => {
    const { send } = await openFilled()
    await send('PUT', path, body(1))
    const { text, headers } = await send('GET', path)
    return { send, text, etag: headers.etag ?? '' }
  }

  it.each(['GET', 'HEAD'])('has an ETag that %s compares', async method => {
    const { send, etag } = await found()
    expect(etag).toMatch(/^"[0-9a-f]{24}"$/)
    for (const [headers, status] of [
      [{ 'if-none-match': etag }, 304],
      [{ 'if-none-match': `"x", W/${etag}` }, 304],
      [{ 'if-none-match': '"0"' }, 200],
      [{ 'if-match': etag }, 200],
      [{ 'if-match': '"0"' }, 412],
    ] as const)
      expect([headers, (await send(method, path, { headers })).status]).toEqual([headers, status])
    // Overrides are no part of the schema.
    await send('PATCH', NAMESPACE, { body: { json: { a: 2 } } })
    expect((await send(method, path, { headers: { 'if-none-match': etag } })).status).toBe(304)
    await send('PUT', path, body(2))
    expect((await send(method, path, { headers: { 'if-none-match': etag } })).status).toBe(200)
  })

  it('is neither replaced nor removed by a request with a precondition', async () => {
    const { send, text, etag } = await found()
    for (const [method, at, options] of [
      ['PUT', path, body(2)],
      ['DELETE', `${path}?force`, {}],
    ] as const) {
      for (const [header, got, status] of [
        ['if-match', etag, 400],
        ['if-match', '*', 400],
        ['if-none-match', '*', 412],
        ['if-none-match', etag, 400],
      ] as const) {
        const answer = await send(method, at, { headers: { [header]: got }, ...options })
        expect([method, header, got, answer.status]).toEqual([method, header, got, status])
      }
    }
    expect((await send('GET', path)).text).toBe(text)
  })
})

describe.each([NAMESPACE, BOX])('a GET of %s whose client has the answer', path => {
  it.each(['GET', 'HEAD'])('is 304 without a body: %s', async method => {
    const { send } = await openFilled()
    const { etag = '' } = (await send('GET', path)).headers
    for (const got of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const answer = await send(method, path, { headers: { 'if-none-match': got } })
      expect([got, answer.status, answer.text, answer.headers.etag]).toEqual([got, 304, '', etag])
      expect(answer.headers['content-type']).toBeUndefined()
    }
    for (const got of ['"0"', 'nonsense', '']) {
      const answer = await send(method, path, { headers: { 'if-none-match': got } })
      expect([got, answer.status]).toEqual([got, 200])
    }
  })

  it('is answered in full after a change', async () => {
    const { send } = await openFilled()
    const { etag = '' } = (await send('GET', path)).headers
    await send('PATCH', path, { body: { json: { a: 2 } } })
    expect((await send('GET', path, { headers: { 'if-none-match': etag } })).status).toBe(200)
  })
})

it('a refusal is never 304', async () => {
  const { send } = await openFilled()
  expect((await send('GET', `${API}/kytos/none`, { headers: create })).status).toBe(404)
})
