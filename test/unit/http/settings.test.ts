import { describe, expect, it } from 'vitest'
import type { RuleBroken } from '../../../events/changes.ts'
import type { Summary } from '../../../events/nouns.ts'
import { printJson } from '../../../model/json.ts'
import { toJson } from '../../../model/value.ts'
import { API, NAMESPACE, openBareRig, openRealRig } from './harness.ts'

const SCHEMA = {
  type: 'object',
  properties: {
    polling_time: { type: 'integer', minimum: 1, default: 3, 'x-apply': 'live' },
    vlans: { type: 'array', default: [] },
  },
  additionalProperties: false,
}

describe('the settings of a namespace over REST', () => {
  it('are created, read, patched, replaced and deleted, the revision in the ETag', async () => {
    const { send } = await openRealRig()
    const created = await send('PUT', NAMESPACE, {
      body: { json: { polling_time: 5 } },
      headers: { 'if-none-match': '*' },
    })
    expect(created).toMatchObject({
      status: 201,
      headers: {
        location: NAMESPACE,
        etag: expect.stringContaining(`"${created.json.epoch}.${created.json.revision}-`),
      },
      json: { data: { polling_time: 5 } },
    })
    expect(
      (await send('PUT', NAMESPACE, { body: { json: {} }, headers: { 'if-none-match': '*' } })).json,
    ).toMatchObject({ code: 'DOCUMENT_EXISTS' })
    const patched = await send('PATCH', NAMESPACE, {
      body: { json: { vlans: [1] } },
      headers: { 'if-match': created.headers.etag ?? '' },
    })
    expect(patched).toMatchObject({
      status: 200,
      json: { overrides: { polling_time: 5, vlans: [1] }, version: 2 },
    })
    const read = await send('GET', `${NAMESPACE}/?fresh=true&scope=cluster`)
    expect(read).toMatchObject({
      status: 200,
      headers: { etag: patched.headers.etag, 'content-type': 'application/json; charset=utf-8' },
    })
    const replaced = await send('PUT', NAMESPACE, { body: { json: { polling_time: 9 } } })
    expect(replaced.json.overrides).toEqual({ polling_time: 9 })
    const deleted = await send('DELETE', NAMESPACE)
    expect(deleted).toMatchObject({ status: 200, json: { overrides: {} } })
    expect(BigInt(String(deleted.json.revision))).toBeGreaterThan(BigInt(String(replaced.json.revision)))
  })

  it('take a merge patch and a JSON Patch by their content types', async () => {
    const { send } = await openRealRig()
    const merge = { 'content-type': 'application/merge-patch+json; charset=utf-8' }
    const patch = { 'content-type': 'application/json-patch+json' }
    await send('PATCH', NAMESPACE, { headers: merge, body: { json: { a: { b: 1 }, c: 2 } } })
    const answer = await send('PATCH', NAMESPACE, {
      headers: patch,
      body: { json: [{ op: 'replace', path: '/a/b', value: null }] },
    })
    expect(answer.json.overrides).toEqual({ a: { b: null }, c: 2 })
    const failed = await send('PATCH', NAMESPACE, {
      headers: patch,
      body: { json: [{ op: 'test', path: '/c', value: 3 }] },
    })
    expect(failed).toMatchObject({ status: 409, json: { code: 'PATCH_CONFLICT' } })
    expect(await send('PUT', NAMESPACE, { headers: merge, body: { json: {} } })).toMatchObject({
      status: 415,
      json: { code: 'UNSUPPORTED_MEDIA_TYPE' },
    })
  })

  it('keep integers of any size bit by bit', async () => {
    const { send } = await openRealRig()
    const body =
      '{"dpid":18446744073709551615,"small":-9007199254740993,"double":1.5e300,"exact":9007199254740991}'
    const written = await send('PATCH', NAMESPACE, { body, headers: { 'content-type': 'application/json' } })
    const read = await send('GET', NAMESPACE)
    for (const { text } of [written, read])
      for (const digits of ['18446744073709551615', '-9007199254740993', '9007199254740991'])
        expect(text).toContain(digits)
    expect(read.json.data).toEqual({
      dpid: 18446744073709551615n,
      small: -9007199254740993n,
      double: 1.5e300,
      exact: 9007199254740991,
    })
  })

  it('are guarded by If-Match: another revision is 412', async () => {
    const { send } = await openRealRig()
    await send('PATCH', NAMESPACE, { body: { json: { a: 1 } } })
    const answer = await send('DELETE', NAMESPACE, { headers: { 'if-match': '"0"' } })
    expect(answer).toMatchObject({
      status: 412,
      json: { code: 'REVISION_MISMATCH', status: 412, title: 'Precondition Failed' },
    })
    for (const header of ['*', '"a"', '"1", "2"', `"${'9'.repeat(41)}"`]) {
      expect(await send('DELETE', NAMESPACE, { headers: { 'if-match': header } })).toMatchObject({
        status: 400,
        json: { code: 'CONTENT_MALFORMED' },
      })
    }
    expect(
      await send('PUT', NAMESPACE, { headers: { 'if-none-match': '"1"' }, body: { json: {} } }),
    ).toMatchObject({ status: 400 })
    expect(
      await send('PUT', NAMESPACE, {
        headers: { 'if-none-match': '*', 'if-match': '1' },
        body: { json: {} },
      }),
    ).toMatchObject({ status: 400 })
  })

  it('carry a comment and who wrote into the history', async () => {
    const { send } = await openRealRig()
    // As a shell sends it: UTF-8, which node:http would refuse as text.
    const comment = Buffer.from('für den Kern', 'utf8').toString('latin1')
    await send('PATCH', NAMESPACE, { body: { json: { a: 1 } }, headers: { 'x-comment': comment } })
    await send('PATCH', NAMESPACE, { body: { json: { a: 2 } } })
    const history = await send('GET', `${NAMESPACE}/history?limit=10`)
    expect(history.json).toHaveLength(2)
    const record = await send('GET', `${NAMESPACE}/history/1/`)
    expect(record.json).toMatchObject({
      version: 1,
      data: { a: 1 },
      comment: 'für den Kern',
      actor: { type: 'user', name: '127.0.0.1' },
    })
    expect(await send('GET', `${NAMESPACE}/history/7`)).toMatchObject({
      status: 404,
      json: { code: 'VERSION_NOT_FOUND' },
    })
    for (const path of [
      'history/0',
      'history/x',
      'history/1.5',
      'history?limit=0',
      'history?limit=1e3',
      'history?limit=1&limit=2',
    ]) {
      expect(await send('GET', `${NAMESPACE}/${path}`)).toMatchObject({
        status: 400,
        json: { code: 'CONTENT_MALFORMED' },
      })
    }
    const long = await send('PATCH', NAMESPACE, {
      body: { json: { a: 3 } },
      headers: { 'x-comment': 'x'.repeat(513) },
    })
    expect(long).toMatchObject({ status: 400, json: { max: 512 } })
  })

  it('are explained: which layer, who, when, what is hidden', async () => {
    const { send } = await openRealRig()
    await send('PUT', `${NAMESPACE}/schema`, { body: { json: SCHEMA } })
    const changed = await send('PATCH', NAMESPACE, { body: { json: { polling_time: 5 } } })
    const { json } = await send('GET', `${NAMESPACE}?explain=true`)
    expect(json.explain).toMatchObject({
      '/polling_time': {
        layer: 'cluster',
        value: 5,
        set_by: { type: 'user', name: '127.0.0.1' },
        revision: changed.json.revision,
        shadowed: [{ layer: 'default', value: 3 }],
      },
      '/vlans': { layer: 'default', value: [] },
    })
    expect((await send('GET', NAMESPACE)).json).not.toHaveProperty('explain')
  })

  it('are rehearsed with dry_run, by PATCH and PUT, and not by what takes none', async () => {
    const { send, bus } = await openRealRig()
    await send('PUT', `${NAMESPACE}/schema`, { body: { json: SCHEMA } })
    bus.view({ type: 'napp', name: 'kytos/of_lldp' }).consume('kytos/of_lldp', {
      changing: ({ data }) => (data.polling_time === 9 ? 'not nine' : undefined),
    })
    for (const method of ['PATCH', 'PUT']) {
      const { status, json } = await send(method, `${NAMESPACE}?dry_run=true`, {
        body: { json: { polling_time: 9 } },
      })
      expect({ status, json }).toMatchObject({
        status: 200,
        json: {
          data: { polling_time: 9 },
          preview: {
            changes: [{ path: '/polling_time', old: 3, new: 9, apply: 'live' }],
            consumers: [
              {
                controller: 'controller-1',
                napp: 'kytos/of_lldp',
                apply: 'live',
                verdict: 'refused',
                reason: 'not nine',
              },
            ],
          },
        },
      })
    }
    expect(await send('PATCH', NAMESPACE, { body: { json: { polling_time: 9 } } })).toMatchObject({
      status: 423,
      json: { code: 'CHANGE_VETOED', refusals: [{ napp: 'kytos/of_lldp', reason: 'not nine' }] },
    })
    expect((await send('GET', NAMESPACE)).json).toMatchObject({ data: { polling_time: 3 }, version: 0 })
    const create = await send('PUT', `${NAMESPACE}?dry_run=true`, {
      body: { json: {} },
      headers: { 'if-none-match': '*' },
    })
    expect(create).toMatchObject({ status: 400, json: { code: 'CONTENT_MALFORMED' } })
  })

  it('of several namespaces are changed by one transaction, all or none', async () => {
    const { send } = await openRealRig()
    const operations = [
      { namespace: 'kytos/of_lldp', data: { a: 2n ** 64n } },
      { namespace: 'kytos/topology', method: 'PUT', data: { b: 1 }, scope: 'controller' },
    ]
    const post = (body: unknown, headers: Readonly<Record<string, string>> = {}, query = '') =>
      send('POST', `${API}/transaction${query}`, {
        body: printJson(toJson(body)),
        headers: { 'content-type': 'application/json', ...headers },
      })
    expect((await post({ operations }, {}, '?dry_run=true')).json).toMatchObject({
      settings: [{ preview: { changes: [{ path: '/a' }] } }, { preview: {} }],
    })
    expect((await send('GET', `${API}/`)).json).toEqual([])
    const { status, json } = await post({ operations }, { 'x-comment': 'both' })
    expect({ status, json }).toMatchObject({
      status: 200,
      json: { settings: [{ data: { a: 2n ** 64n } }, { scope: 'controller:controller-1' }] },
    })
    expect((await send('GET', `${NAMESPACE}/history`)).json).toMatchObject([{ comment: 'both' }])
    for (const [body, headers, code] of [
      [{ operations: [] }, {}, 400],
      [{}, {}, 400],
      [{ operations, more: 1 }, {}, 400],
      [{ operations: [...operations, { namespace: 'kytos/gone', method: 'DELETE' }] }, {}, 404],
      [{ operations }, { 'if-match': '"1"' }, 400],
      [{ operations }, { 'if-none-match': '*' }, 400],
      [{ operations: [{ ...operations[0], revision: '1' }] }, {}, 412],
      [
        { operations: Array.from({ length: 33 }, (_, i) => ({ namespace: `kytos/n${i}`, data: {} })) },
        {},
        413,
      ],
    ] as const) {
      expect((await post(body, headers)).status, printJson(toJson(body))).toBe(code)
    }
    expect((await send('GET', `${NAMESPACE}/history`)).json).toHaveLength(1)
  })

  it('are held to a schema that is put and described; all that is broken is told at once', async () => {
    const { send } = await openRealRig()
    const put = await send('PUT', `${NAMESPACE}/schema?napp_version=1.2.0`, { body: { json: SCHEMA } })
    expect(put).toMatchObject({ status: 200, json: { schema: true, data: { polling_time: 3, vlans: [] } } })
    const described = await send('GET', `${NAMESPACE}/schema`)
    expect(described.json).toMatchObject({
      schema: SCHEMA,
      napp_version: '1.2.0',
      apply: { '/polling_time': 'live' },
    })
    const invalid = await send('PATCH', NAMESPACE, { body: { json: { polling_time: 0, vlan: [] } } })
    expect(invalid).toMatchObject({
      status: 422,
      headers: { 'content-type': 'application/problem+json; charset=utf-8' },
      json: { code: 'SETTINGS_INVALID' },
    })
    expect((invalid.json.errors as RuleBroken[]).map(({ pointer }) => pointer).sort()).toEqual([
      '/polling_time',
      '/vlan',
    ])
  })

  it('are listed', async () => {
    const { send } = await openRealRig()
    await send('PATCH', NAMESPACE, { body: { json: { a: 1 } } })
    await send('PATCH', `${API}/kytos/topology`, { body: { json: { a: 1 } } })
    const [all, some] = [await send('GET', API), await send('GET', `${API}/?prefix=kytos/t`)]
    expect((all.json as unknown as Summary[]).map(({ namespace }) => namespace)).toEqual([
      'kytos/of_lldp',
      'kytos/topology',
    ])
    expect(some.json).toHaveLength(1)
  })

  it('that nobody knows are 404 with the nearest name', async () => {
    const { send } = await openRealRig()
    await send('PATCH', NAMESPACE, { body: { json: { a: 1 } } })
    expect(await send('GET', `${API}/kytos/of_lldq`)).toMatchObject({
      status: 404,
      json: { code: 'NAMESPACE_NOT_FOUND', nearest: 'kytos/of_lldp' },
    })
  })

  it('are 503 with Retry-After while nobody answers on the bus', async () => {
    const { send } = await openBareRig()
    expect(await send('GET', NAMESPACE)).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
      json: { code: 'SERVICE_ABSENT', type: 'about:blank' },
    })
  })
})
