import { afterAll, describe, expect, it } from 'vitest'
import { parseJson } from '../../model/json.ts'
import { endEtcd, KINDS, openHome } from './storehouse-home.ts'

/*
 * storehouse 1.3.2 as its users know it over REST, on both stores that people run on.
 */

afterAll(endEtcd)

const PYTHON_TIME = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$/

describe.each(KINDS)('storehouse over REST on %s', kind => {
  it('creates a box under an id of its own (v1, v2) or a given one (v2), and lists ids in the order of creation', async () => {
    const { rest } = await openHome(kind)
    expect(await rest('GET', 'v1/net')).toMatchObject({ status: 200, json: [] })
    const first = await rest('POST', 'v1/net', { a: 1 })
    expect(first).toMatchObject({
      status: 201,
      json: { response: 'Box created.', id: expect.stringMatching(/^[0-9a-f]{32}$/) },
    })
    expect(Object.keys(first.json)).toEqual(['response', 'id'])
    const second = await rest('POST', 'v2/net/', [1, 2])
    expect(await rest('POST', 'v2/net/a.box', 'five')).toMatchObject({ status: 400 }) // text that is no JSON
    const third = await rest('POST', 'v2/net/a.box', '"five"')
    expect(third).toMatchObject({
      status: 201,
      headers: { location: '/api/kytos/storehouse/v1/net/a.box' },
      json: { response: 'Box created.', id: 'a.box' },
    })
    for (const list of ['v1/net', 'v1/net/'])
      expect((await rest('GET', list)).json).toEqual([first.json.id, second.json.id, 'a.box'])
    expect(await rest('GET', `v1/net/${first.json.id}`)).toMatchObject({ status: 200, text: '{"a":1}' })
    expect(await rest('GET', 'v1/net/a.box/')).toMatchObject({
      text: '"five"',
      headers: { 'content-type': 'application/json; charset=utf-8' },
    })
  })

  it('updates with a shallow PATCH, in which null is kept, and replaces with PUT; both answer the bare data', async () => {
    const { rest } = await openHome(kind)
    await rest('POST', 'v2/net/a', { x: 1, y: { z: 1, w: 2 }, big: 0 })
    const body = '{"y":{"w":null},"big":18446744073709551615,"n":null}'
    expect(await rest('PATCH', 'v1/net/a', body)).toMatchObject({
      status: 200,
      text: '{"x":1,"y":{"w":null},"big":18446744073709551615,"n":null}',
    })
    expect(await rest('PUT', 'v1/net/a/', { only: true })).toMatchObject({
      status: 200,
      text: '{"only":true}',
    })
    expect((await rest('GET', 'v1/net/a')).text).toBe('{"only":true}')
  })

  it('deletes, and reports so', async () => {
    const { rest } = await openHome(kind)
    await rest('POST', 'v2/net/a', {})
    expect(await rest('DELETE', 'v1/net/a')).toMatchObject({ status: 200, json: { response: 'Box deleted' } })
    expect(await rest('DELETE', 'v1/net/a')).toMatchObject({
      status: 404,
      json: { response: 'Box not found', code: 'BOX_NOT_FOUND', status: 404 },
    })
    expect((await rest('GET', 'v1/net')).json).toEqual([])
  })

  it('answers a request for an absent box with 404, and an unreadable body with 400, with the messages of 1.3.2', async () => {
    const { rest } = await openHome(kind)
    for (const [method, path] of [
      ['GET', 'v1/net/a'],
      ['PUT', 'v1/net/a'],
      ['PATCH', 'v1/net/a'],
      ['GET', 'v1/backup/net'],
      ['GET', 'v1/backup/net/a'],
    ] as const) {
      const answer = await rest(method, path, method === 'GET' ? undefined : { a: 1 })
      expect(answer).toMatchObject({ status: 404, json: { response: 'Not Found', code: 'BOX_NOT_FOUND' } })
      expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8')
    }
    await rest('POST', 'v2/net/a', {})
    for (const [method, path, response] of [
      ['POST', 'v1/net', 'Invalid Request'],
      ['POST', 'v2/net', 'Invalid Request'],
      ['POST', 'v2/net/b', 'Invalid Request'],
      ['PUT', 'v1/net/a', 'Invalid request: empty data'],
      ['PATCH', 'v1/net/a', 'Invalid request: empty data'],
    ] as const) {
      expect(await rest(method, path)).toMatchObject({
        status: 400,
        json: { response, code: 'CONTENT_MALFORMED' },
      })
      expect(await rest(method, path, '{"a":')).toMatchObject({
        status: 400,
        json: { response, code: 'JSON_MALFORMED' },
      })
      expect(await rest(method, path, 'a=1', { 'content-type': 'text/plain' })).toMatchObject({
        status: 400,
        json: { response, got: 'text/plain' },
      })
    }
    expect((await rest('GET', 'v1/net')).json).toEqual(['a'])
  })

  it('finds boxes by a part of box_id, owner or created_at, and returns their metadata', async () => {
    const { rest, ask } = await openHome(kind)
    await ask('kytos.storehouse.create', {
      namespace: 'net',
      box_id: 'evc.10',
      data: {},
      owner: 'kytos/mef_eline',
    })
    for (const id of ['evc.1', 'link']) await rest('POST', `v2/net/${id}`, {})
    const evcs = await rest('GET', 'v1/net/search_by/box_id/evc.1')
    expect(evcs).toMatchObject({
      status: 200,
      json: [{ box_id: 'evc.10' }, { box_id: 'evc.1', owner: null }],
    })
    const [metadata] = evcs.json as unknown as Record<string, unknown>[]
    expect(metadata).toEqual({
      box_id: 'evc.10',
      owner: 'kytos/mef_eline',
      created_at: expect.stringMatching(PYTHON_TIME),
      write_id: expect.any(String),
    })
    const day = String(metadata?.created_at).slice(0, 13).replace(' ', '%20')
    expect((await rest('GET', `v1/net/search_by/created_at/${day}`)).json).toHaveLength(3)
    expect((await rest('GET', 'v1/net/search_by/owner/mef/')).json).toEqual([metadata])
    expect(await rest('GET', 'v1/net/search_by/owner/kytos%2Fmef')).toMatchObject({ status: 200 })
    for (const option of ['name', 'owner', '__proto__'])
      expect(await rest('GET', `v1/net/search_by/${option}/nobody`)).toMatchObject({
        status: 404,
        json: { response: `${option} not found` },
      })
  })

  it('backs up a namespace or a box: by id, each as a JSON text in JSON', async () => {
    const { rest } = await openHome(kind)
    await rest('POST', 'v2/net/a', { x: 1 })
    await rest('POST', `v2/net/${encodeURIComponent('é "')}`, '[{"n":18446744073709551615}]')
    for (const path of ['v1/backup/net', 'v1/backup/net/']) {
      const { status, headers, json } = await rest('GET', path)
      expect({ status, type: headers['content-type'] }).toEqual({
        status: 200,
        type: 'application/json; charset=utf-8',
      })
      expect(Object.keys(json)).toEqual(['a', 'é "'])
      expect(parseJson(String(json['é "']))).toEqual({
        data: [{ n: 18446744073709551615n }],
        namespace: 'net',
        owner: null,
        created_at: expect.stringMatching(PYTHON_TIME),
        write_id: expect.any(String),
        id: 'é "',
      })
      expect(json.a).toMatch(/^\{\n {4}"data": \{\n {8}"x"/)
    }
    expect(Object.keys((await rest('GET', 'v1/backup/net/a')).json)).toEqual(['a'])
  })

  it('backs up more boxes than it reads at once, in the order of creation', async () => {
    const { rest, ask } = await openHome(kind)
    const ids = Array.from({ length: 30 }, (_, i) => `box-${i}`)
    for (const box_id of ids)
      await ask('kytos.storehouse.create', { namespace: 'many', box_id, data: 'x'.repeat(1_000) })
    expect(Object.keys((await rest('GET', 'v1/backup/many')).json)).toEqual(ids)
    expect((await rest('GET', 'v1/many/search_by/box_id/box-2')).json).toHaveLength(11)
  })

  it('has the boxes of a namespace called "backup" written and listed, as in 1.3.2', async () => {
    const { rest } = await openHome(kind)
    await rest('POST', 'v2/backup/a', { x: 1 })
    expect((await rest('GET', 'v1/backup')).json).toEqual(['a'])
    expect((await rest('PATCH', 'v1/backup/a', { y: 2 })).text).toBe('{"x":1,"y":2}')
    expect(Object.keys((await rest('GET', 'v1/backup/backup')).json)).toEqual(['a'])
    expect((await rest('GET', 'v1/backup/search_by/box_id/a')).json).toHaveLength(1)
    expect(await rest('DELETE', 'v1/backup/a')).toMatchObject({ status: 200 })
  })

  it('keeps everything over a restart: data, order, metadata, revisions', async () => {
    const home = await openHome(kind)
    for (const id of ['c', 'a', 'b']) await home.rest('POST', `v2/net/${id}`, { id })
    await home.rest('PATCH', 'v1/net/c', { more: 1 })
    const told = async () => {
      const paths = ['v1/net', 'v1/net/c', 'v1/backup/net', 'v1/net/search_by/box_id/a']
      return Promise.all(
        paths.map(async path => [
          (await home.rest('GET', path)).text,
          (await home.rest('GET', 'v1/net/c')).headers.etag,
        ]),
      )
    }
    const before = await told()
    expect(before[0]?.[0]).toBe('["c","a","b"]')
    await home.leave()
    expect(await told()).toEqual(before)
  })

  it('records the author: the request, as any other', async () => {
    const { rest, controller } = await openHome(kind)
    await rest('POST', 'v2/net/a', 1)
    await rest('PUT', 'v1/net/a', 2)
    await expect
      .poll(() => controller.changes.map(({ content }) => [content.kind, content.actor]))
      .toEqual([
        ['created', { type: 'user', name: '127.0.0.1' }],
        ['updated', { type: 'user', name: '127.0.0.1' }],
      ])
  })
})
