import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { createEtcdBackend } from '../../backends/etcd/index.ts'
import { checkConfig } from '../../src/boot/config-check.ts'
import { readIni } from '../../src/boot/ini.ts'
import { openController } from '../support/controller.ts'
import { startEtcd } from '../support/etcd.ts'
import { endEtcd, type Home, KINDS, openHome } from './storehouse-home.ts'

/*
 * The mistakes of storehouse 1.3.2, each as a test named after it, over bus and REST where both show it, on
 * both stores for production.
 */

afterAll(endEtcd)

const lists = async ({ rest, ask }: Home, namespace: string): Promise<readonly string[]> => {
  const ids = await ask('kytos.storehouse.list', { namespace })
  expect((await rest('GET', `v1/${encodeURIComponent(namespace)}`)).json).toEqual(ids)
  return ids
}

describe.each(KINDS)('not repeated on %s:', kind => {
  it('there was no update on etcd', async () => {
    const { rest, ask } = await openHome(kind)
    await rest('POST', 'v2/net/a', { x: 1, y: { z: 1 } })
    expect(await rest('PATCH', 'v1/net/a', { y: { w: null } })).toMatchObject({
      status: 200,
      json: { x: 1, y: { w: null } },
    })
    expect(
      await ask('kytos.storehouse.update', { namespace: 'net', box_id: 'a', data: { v: 1 } }),
    ).toMatchObject({ data: { x: 1, v: 1 } })
    expect((await rest('PUT', 'v1/net/a', [1])).json).toEqual([1])
  })

  it('list("net") also listed "netops"', async () => {
    const home = await openHome(kind)
    for (const path of ['net/a', 'netops/b', 'net.ops/c']) await home.rest('POST', `v2/${path}`, {})
    expect([
      await lists(home, 'net'),
      await lists(home, 'netops'),
      await lists(home, 'net.ops'),
      await lists(home, 'ne'),
    ]).toEqual([['a'], ['b'], ['c'], []])
    expect(Object.keys((await home.rest('GET', 'v1/backup/net')).json)).toEqual(['a'])
  })

  it('a restart failed when one namespace was a prefix of another, or a foreign key existed there', async () => {
    const home = await openHome(kind)
    await home.rest('POST', 'v2/net/a', 1)
    await home.rest('POST', 'v2/net.ops/b', 2)
    await home.leave(async () => {
      await home.plant('boxes/net/a/deeper', 'foreign')
      await home.plant('boxes/no-box', 'foreign')
      await home.plant('elsewhere', 'foreign')
    })
    expect([await lists(home, 'net'), await lists(home, 'net.ops')]).toEqual([['a'], ['b']])
    expect((await home.rest('GET', 'v1/net/a')).json).toBe(1)
    expect((await home.rest('POST', 'v2/net/c', {})).status).toBe(201)
  })

  it('an id with dots landed in another namespace', async () => {
    const home = await openHome(kind)
    await home.rest('POST', 'v2/net/ops.a', 1)
    await home.rest('POST', 'v2/net.ops/a', 2)
    expect([await lists(home, 'net'), await lists(home, 'net.ops')]).toEqual([['ops.a'], ['a']])
    await home.leave()
    expect((await home.rest('GET', 'v1/net/ops.a')).json).toBe(1)
    expect((await home.rest('GET', 'v1/net.ops/a')).json).toBe(2)
  })

  it('"1" was refused because "10" existed, and its deletion hid "10" from the search', async () => {
    const home = await openHome(kind)
    for (const id of ['10', '1']) expect((await home.rest('POST', `v2/net/${id}`, {})).status).toBe(201)
    await expect(
      home.ask('kytos.storehouse.create', { namespace: 'net', box_id: '1', data: {} }),
    ).rejects.toMatchObject({ code: 'DOCUMENT_EXISTS' })
    await home.rest('DELETE', 'v1/net/1')
    expect((await home.rest('GET', 'v1/net/search_by/box_id/1')).json).toMatchObject([{ box_id: '10' }])
    expect(await lists(home, 'net')).toEqual(['10'])
  })

  it('a POST replaced the box that was there, and its data was lost', async () => {
    const { rest } = await openHome(kind)
    await rest('POST', 'v2/net/a', { precious: 1 })
    expect(await rest('POST', 'v2/net/a', {})).toMatchObject({
      status: 409,
      json: { code: 'DOCUMENT_EXISTS', response: expect.stringMatching(/exists/) },
    })
    expect((await rest('GET', 'v1/net/a')).json).toEqual({ precious: 1 })
  })

  it('ids and queries were used as regular expressions', async () => {
    const home = await openHome(kind)
    const ids = ['abc', '(', 'a+']
    for (const id of ids) await home.rest('POST', `v2/net/${encodeURIComponent(id)}`, {})
    for (const id of ['a.c', '.*', '[a-z]']) {
      expect((await home.rest('GET', `v1/net/${id}`)).status).toBe(404)
      expect((await home.rest('DELETE', `v1/net/${id}`)).status).toBe(404)
      expect((await home.rest('GET', `v1/net/search_by/box_id/${id}`)).status).toBe(404)
    }
    expect((await home.rest('GET', 'v1/net/search_by/box_id/(')).json).toMatchObject([{ box_id: '(' }])
    expect(await lists(home, 'net')).toEqual(ids)
  })

  it('a search for an owner failed with 500 where a box had none', async () => {
    const { rest } = await openHome(kind)
    await rest('POST', 'v2/net/a', {})
    expect(await rest('GET', 'v1/net/search_by/owner/kytos')).toMatchObject({
      status: 404,
      json: { response: 'owner not found' },
    })
  })

  it('a backup of an absent box failed with 500', async () => {
    const { rest } = await openHome(kind)
    await rest('POST', 'v2/net/a', {})
    for (const path of ['v1/backup/other', 'v1/backup/net/b', 'v1/backup/other/a'])
      expect(await rest('GET', path)).toMatchObject({ status: 404, json: { response: 'Not Found' } })
  })

  it.each(['', '{"data": {"a"', '[]'])('a box of %j, empty or cut off, stopped the start', async text => {
    const home = await openHome(kind)
    await home.rest('POST', 'v2/net/good', 1)
    await home.leave(() => home.plant('boxes/net/bad', text))
    expect((await home.rest('GET', 'v1/net/good')).json).toBe(1)
    const bad = await home.rest('GET', 'v1/net/bad')
    // In etcd it is in the place of a box; a broken file is left to its author and is not a box.
    if (kind === 'etcd')
      expect(bad).toMatchObject({
        status: 503,
        json: { code: 'STORE_DAMAGED', response: expect.stringContaining('boxes/net/bad') },
      })
    else if (text !== '[]') expect(bad.status).toBe(404)
    await home.rest('DELETE', 'v1/net/bad')
    expect((await home.rest('POST', 'v2/net/bad', 2)).status).toBe(201)
    expect((await home.rest('GET', 'v1/net/bad')).json).toBe(2)
  })

  it('"../" led out of the store', async () => {
    const home = await openHome(kind)
    const names = [
      '..',
      '%2e%2e',
      '%2E.',
      '..%2fx',
      '%2e%2e%2f%2e%2e%2fetc',
      'a%5cb',
      '%2f',
      'a%00b',
      '%c0%ae%c0%ae',
      '%',
    ]
    for (const name of names) {
      for (const path of [
        `v1/net/${name}`,
        `v1/${name}/a`,
        `v1/backup/${name}`,
        `v1/backup/net/${name}`,
        `v1/${name}/search_by/box_id/a`,
      ])
        expect([path, (await home.rest('GET', path)).status]).toEqual([path, 400])
      for (const [method, path] of [
        ['POST', `v1/${name}`],
        ['POST', `v2/net/${name}`],
        ['POST', `v2/${name}/a`],
        ['PUT', `v1/net/${name}`],
        ['PATCH', `v1/${name}/a`],
        ['DELETE', `v1/net/${name}`],
      ] as const)
        expect([
          method,
          path,
          (await home.rest(method, path, method === 'DELETE' ? undefined : {})).status,
        ]).toEqual([method, path, 400])
    }
    for (const name of ['..', '.', '../x', 'a/b', 'a\\b', '/', '']) {
      await expect(
        home.ask('kytos.storehouse.create', { namespace: 'net', box_id: name, data: 1 }),
      ).rejects.toMatchObject({ code: 'BOX_MALFORMED' })
      await expect(
        home.ask('kytos.storehouse.create', { namespace: name, box_id: 'a', data: 1 }),
      ).rejects.toMatchObject({ code: 'BOX_MALFORMED' })
    }
    expect(home.controller.changes).toEqual([])
  })

  it('a pickle ran its code', async () => {
    const home = await openHome(kind)
    const trace = join(tmpdir(), `kytos-pickle-${process.pid}-${kind}`)
    // What Python's pickle makes of os.system('touch ...'), protocol 0.
    const pickle = `cposix\nsystem\n(S'touch ${trace}'\ntR.`
    await home.leave(() => home.plant('boxes/net/evil', pickle))
    expect((await home.rest('GET', 'v1/net/evil')).status).toBe(kind === 'etcd' ? 503 : 404)
    await home.rest('GET', 'v1/backup/net')
    expect(existsSync(trace)).toBe(false)
  })

  it('an unknown method was a silent success', async () => {
    const { rest, ask } = await openHome(kind)
    await rest('POST', 'v2/net/a', { x: 1 })
    const content = { namespace: 'net', box_id: 'a', data: { x: 2 }, method: 'MERGE' as never } // as in untyped code
    await expect(ask('kytos.storehouse.update', content)).rejects.toMatchObject({ code: 'METHOD_NOT_FOUND' })
    expect((await rest('GET', 'v1/net/a')).json).toEqual({ x: 1 })
  })

  it('a callback that threw was swallowed', async () => {
    const { controller, ask } = await openHome(kind)
    controller.bus.emit('kytos.storehouse.create', {
      namespace: 'net',
      box_id: 'a',
      data: {},
      callback: () => {
        throw new Error('The NApp failed.')
      },
    })
    await expect
      .poll(() => controller.root.deadLetters.list())
      .toMatchObject([{ listener: 'kytos/test', error: { message: 'The NApp failed.' } }])
    expect(await ask('kytos.storehouse.list', { namespace: 'net' })).toEqual(['a'])
  })

  it('{}, [], 0, false, "" and null were refused', async () => {
    const { rest } = await openHome(kind)
    for (const [i, text] of ['{}', '[]', '0', 'false', '""', 'null'].entries()) {
      expect(await rest('POST', `v2/net/${i}`, text)).toMatchObject({ status: 201, json: { id: `${i}` } })
      expect(await rest('PUT', `v1/net/${i}`, text)).toMatchObject({ status: 200, text })
      expect(await rest('GET', `v1/net/${i}`)).toMatchObject({ status: 200, text })
    }
  })

  it('a PATCH of a value that is not an object failed with 500', async () => {
    const { rest } = await openHome(kind)
    await rest('POST', 'v2/net/a', [1])
    expect(await rest('PATCH', 'v1/net/a', { x: 1 })).toMatchObject({
      status: 400,
      json: { response: expect.stringContaining('PUT') },
    })
    expect(await rest('PATCH', 'v1/net/a', [['x', 1]])).toMatchObject({ status: 400 })
    expect((await rest('GET', 'v1/net/a')).json).toEqual([1])
  })

  it('there was no revision, so updates were lost', async () => {
    const { rest } = await openHome(kind)
    const { headers } = await rest('POST', 'v2/net/a', { n: 0 })
    const guard = { 'if-match': String(headers.etag) }
    expect((await rest('GET', 'v1/net/a')).headers.etag).toBe(headers.etag)
    const answers = await Promise.all([1, 2, 3].map(n => rest('PATCH', 'v1/net/a', { n }, guard)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412])
    const won = answers.find(({ status }) => status === 200)
    expect(won?.headers.etag).not.toBe(headers.etag)
    expect(await rest('GET', 'v1/net/a')).toMatchObject({
      text: won?.text,
      headers: { etag: won?.headers.etag },
    })
    expect(await rest('PUT', 'v1/net/a', {}, { 'if-match': '*' })).toMatchObject({ status: 400 })
    // The deletion is guarded, too: the revision of before is refused.
    expect(await rest('DELETE', 'v1/net/a', undefined, guard)).toMatchObject({ status: 412 })
    expect((await rest('GET', 'v1/net/a')).text).toBe(won?.text)
  })
})

describe('not repeated:', () => {
  it('a misspelt backend silently became filesystem', () => {
    const { problems } = checkConfig(readIni('[settings]\nbackend = etdc\n'), '/')
    expect(problems).toMatchObject([
      { line: 2, message: expect.stringMatching(/"etdc"; did you mean "etcd"\?/) },
    ])
  })

  it('there was no TLS and no authentication to etcd', async () => {
    const credentials = { username: 'kytos', password: 'a password' }
    const server = await startEtcd({ tls: {}, auth: credentials })
    onTestFinished(() => server.stop())
    const options = { endpoints: server.endpoints, prefix: '/kytos', timeout: 5, ca: server.certificates?.ca }
    const one = await openController({
      backend: report => createEtcdBackend({ ...options, ...credentials }, { report }),
    })
    onTestFinished(() => one.close())
    expect(
      await one.ask('kytos.storehouse.create', { namespace: 'net', box_id: 'a', data: {} }),
    ).toMatchObject({ box_id: 'a' })
    const stranger = openController({
      startTimeout: 3_000,
      backend: report => createEtcdBackend({ ...options, ...credentials, password: 'another' }, { report }),
    })
    await expect(stranger).rejects.toMatchObject({ code: 'STORE_REFUSED' })
  })
})
