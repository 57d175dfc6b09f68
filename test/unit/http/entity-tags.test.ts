import { describe, expect, it } from 'vitest'
import { createMemoryBackend, createMemoryStore } from '../../../backends/memory/index.ts'
import { API, NAMESPACE, openRealRig } from './harness.ts'

const BOX = '/api/kytos/storehouse/v1/ns/a'

describe('the ETag of settings', () => {
  it('names epoch, revision and answer: a read of the same answer is 304, without a body', async () => {
    const { send } = await openRealRig()
    const { json, headers } = await send('PATCH', NAMESPACE, { body: { json: { a: 1 } } })
    const etag = headers.etag ?? ''
    expect(etag).toMatch(new RegExp(`^"${json.epoch}\\.${json.revision}-[0-9a-f]{24}"$`))
    for (const tags of [etag, `W/${etag}`, `"x", W/"y" , ${etag}`, '*']) {
      for (const method of ['GET', 'HEAD'])
        expect(await send(method, NAMESPACE, { headers: { 'if-none-match': tags } })).toMatchObject({
          status: 304,
          text: '',
          headers: { etag },
        })
    }
    for (const tags of [`"${json.epoch}.${json.revision}"`, etag.replaceAll('"', ''), '"x"'])
      expect(await send('GET', NAMESPACE, { headers: { 'if-none-match': tags } })).toMatchObject({
        status: 200,
        headers: { etag },
      })
    // Another answer about the same commit.
    const explained = await send('GET', `${NAMESPACE}?explain=true`, { headers: { 'if-none-match': etag } })
    expect(explained.status).toBe(200)
    expect(explained.headers.etag?.split('-')[0]).toBe(etag.split('-')[0])
    await send('PATCH', NAMESPACE, { body: { json: { a: 2 } } })
    expect((await send('GET', NAMESPACE, { headers: { 'if-none-match': etag } })).status).toBe(200)
  })

  it('guards a change as a whole, with any digest, without one, or as the revision alone', async () => {
    const { send } = await openRealRig()
    let { json, headers } = await send('PATCH', NAMESPACE, { body: { json: { n: 0 } } })
    const forms = [
      () => headers.etag ?? '',
      () => (headers.etag ?? '').replace(/-.*"/, '-other"'),
      () => `"${json.epoch}.${json.revision}"`,
      () => `${json.epoch}.${json.revision}`,
      () => `"${json.revision}"`,
    ]
    for (const [n, form] of forms.entries()) {
      const before = form()
      const change = { body: { json: { n: n + 1 } }, headers: { 'if-match': before } }
      const weak = { ...change, headers: { 'if-match': `W/${before}` } }
      if (before.startsWith('"'))
        expect(await send('PATCH', NAMESPACE, weak)).toMatchObject({
          status: 412,
          json: { code: 'REVISION_MISMATCH' },
        })
      const changed = await send('PATCH', NAMESPACE, change)
      expect(changed.status).toBe(200)
      expect((await send('PATCH', NAMESPACE, change)).status).toBe(412)
      ;({ json, headers } = changed)
    }
    const otherStore = `"${Number(json.epoch) - 1}.${json.revision}"`
    for (const method of ['PUT', 'PATCH', 'DELETE'])
      expect(
        await send(method, NAMESPACE, {
          headers: { 'if-match': otherStore },
          ...(method !== 'DELETE' && { body: { json: {} } }),
        }),
      ).toMatchObject({
        status: 412,
        json: { code: 'REVISION_MISMATCH', expected: `${json.epoch}.${json.revision}` },
      })
  })

  it('changes with the answer although nothing was committed', async () => {
    const store = createMemoryStore()
    const first = await openRealRig(createMemoryBackend(undefined, store))
    await first.send('PATCH', NAMESPACE, { body: { json: { a: 1 } } })
    const { headers } = await first.send('GET', NAMESPACE)
    // Another instance whose own overrides differ answers at the same revision in the scope of the cluster.
    const text = (await first.send('GET', `${NAMESPACE}?scope=controller:x`)).headers.etag
    expect(text?.split('-')[0]).toBe(headers.etag?.split('-')[0])
    expect(text).not.toBe(headers.etag)
  })
})

describe('other ETags', () => {
  it('of a list are its digest', async () => {
    const { send } = await openRealRig()
    await send('PATCH', NAMESPACE, { body: { json: { a: 1 } } })
    const { etag } = (await send('GET', API)).headers
    expect(etag).toMatch(/^"[0-9a-f]{24}"$/)
    // A box is no part of the list.
    await send('POST', '/api/kytos/storehouse/v2/ns/a', { body: { json: 1 } })
    expect((await send('GET', API, { headers: { 'if-none-match': `${etag}` } })).status).toBe(304)
    await send('PATCH', NAMESPACE, { body: { json: { a: 2 } } })
    expect((await send('GET', API, { headers: { 'if-none-match': `${etag}` } })).status).toBe(200)
  })

  it('of a box are as those of settings', async () => {
    const { send } = await openRealRig()
    await send('POST', '/api/kytos/storehouse/v2/ns/a', { body: { json: { n: 1 } } })
    const { etag = '' } = (await send('GET', BOX)).headers
    expect(etag).toMatch(/^"[1-9]\d*\.\d+-[0-9a-f]{24}"$/)
    expect(await send('GET', BOX, { headers: { 'if-none-match': etag } })).toMatchObject({
      status: 304,
      text: '',
    })
    const change = { body: { json: { n: 2 } }, headers: { 'if-match': etag } }
    expect((await send('PUT', BOX, change)).status).toBe(200)
    expect((await send('PUT', BOX, change)).status).toBe(412)
    const now = await send('GET', BOX, { headers: { 'if-none-match': etag } })
    expect(now.status).toBe(200)
    const [, epoch, revision] = /^"(\d+)\.(\d+)-/.exec(now.headers.etag ?? '') ?? []
    for (const [guard, status] of [
      [etag, 412],
      [`"${Number(epoch) + 1}.${revision}"`, 412],
      [`"${epoch}.${revision}"`, 200],
    ] as const)
      expect((await send('DELETE', BOX, { headers: { 'if-match': guard } })).status).toBe(status)
  })
})
