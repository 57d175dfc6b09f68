import { expect, it } from 'vitest'
import { makeKey } from '../../../model/key.ts'
import { createFilesStage, sourceOf } from '../../support/file-problems.ts'
import { API, NAMESPACE, openRealRig } from './harness.ts'

const LLDP = makeKey('settings', 'kytos', 'of_lldp')
const BOX = makeKey('boxes', 'net', 'a')

async function openStage() {
  const stage = createFilesStage()
  const rig = await openRealRig(stage.backend)
  await rig.send('PUT', NAMESPACE, { body: { json: { n: 1 } } })
  await rig.send('POST', '/api/kytos/storehouse/v2/net/a', { body: { json: 1 } })
  return { stage, ...rig }
}

it('GET /status names every file that does not show its document, with the NApp in the path only its own', async () => {
  const { stage, send } = await openStage()
  stage.add('FILE_MISSING', LLDP, BOX)
  const all = await send('GET', `${API}/status`)
  expect(all).toMatchObject({
    status: 200,
    json: { controller: 'controller-1', backend: 'memory', state: 'READY', revision: '3' },
  })
  expect(all.json.files).toMatchObject([
    { namespace: 'net', box_id: 'a' },
    { namespace: 'kytos/of_lldp', scope: 'cluster' },
  ])
  expect((await send('GET', `${NAMESPACE}/status/`)).json.files).toMatchObject([
    { source: sourceOf(LLDP), code: 'FILE_MISSING' },
  ])
  expect(await send('GET', `${API}/kytos/of_lldpp/status`)).toMatchObject({
    status: 404,
    json: { code: 'NAMESPACE_NOT_FOUND', nearest: 'kytos/of_lldp' },
  })
  expect(await send('GET', `${API}/status?namespace=a`)).toMatchObject({ status: 400 })
})

it('GET /controllers names the one that answers, and every owner of overrides', async () => {
  const { send } = await openStage()
  expect(await send('GET', `${API}/controllers/`)).toMatchObject({
    status: 200,
    json: { controllers: [{ id: 'controller-1', self: true, running: true, namespaces: [] }] },
  })
  await send('PUT', `${NAMESPACE}?scope=controller:c0`, { body: { json: { n: 2 } } })
  expect((await send('GET', `${API}/controllers`)).json).toEqual({
    controllers: [
      { id: 'c0', self: false, running: false, namespaces: ['kytos/of_lldp'] },
      { id: 'controller-1', self: true, running: true, namespaces: [] },
    ],
  })
  expect(await send('GET', `${API}/controllers?scope=cluster`)).toMatchObject({
    status: 400,
    json: { code: 'CONTENT_MALFORMED' },
  })
  expect(await send('POST', `${API}/controllers`)).toMatchObject({
    status: 405,
    headers: { allow: 'HEAD, GET' },
  })
})

it('POST /files/restore writes the missing files of one namespace, or all', async () => {
  const { stage, send } = await openStage()
  stage.add('FILE_MISSING', LLDP, BOX)
  const restore = (json: object) => send('POST', `${API}/files/restore`, { body: { json } })
  expect(await restore({ namespace: 'kytos/of_lldp' })).toMatchObject({
    status: 200,
    json: { restored: [{ namespace: 'kytos/of_lldp', scope: 'cluster' }] },
  })
  expect(await restore({})).toMatchObject({
    status: 200,
    json: { restored: [{ namespace: 'net', box_id: 'a' }] },
  })
  expect(await restore({ name: 'kytos/of_lldp' })).toMatchObject({
    status: 400,
    json: { code: 'CONTENT_MALFORMED' },
  })
  expect(await restore({ namespace: 'a/b/c' })).toMatchObject({
    status: 400,
    json: { code: 'NAMESPACE_MALFORMED' },
  })
  expect(await send('POST', `${API}/files/restore`)).toMatchObject({ status: 400 })
  stage.isReadOnly = true
  stage.add('FILE_MISSING', LLDP)
  expect(await restore({})).toMatchObject({ status: 503, json: { code: 'STORE_UNWRITABLE' } })
})

it('a NApp whose id is files/restore keeps its settings', async () => {
  const { send } = await openStage()
  const path = `${API}/files/restore`
  expect((await send('PUT', path, { body: { json: { n: 1 } } })).status).toBe(200)
  expect(await send('GET', path)).toMatchObject({
    status: 200,
    json: { namespace: 'files/restore', data: { n: 1 } },
  })
  expect((await send('HEAD', path)).status).toBe(200)
  expect((await send('DELETE', path)).status).toBe(200)
  expect(await send('OPTIONS', path)).toMatchObject({
    status: 405,
    headers: { allow: 'HEAD, GET, PUT, PATCH, DELETE' },
  })
})

it('/metrics counts them by code, none as 0', async () => {
  const { stage, send } = await openStage()
  const counts = async () =>
    [
      ...(await send('GET', '/metrics')).text.matchAll(
        /^kytos_settings_file_problems\{code="(\w+)"\} (\d+)$/gm,
      ),
    ].map(([, code, count]) => `${code} ${count}`)
  expect(await counts()).toEqual(['FILE_MISSING 0', 'FILE_REJECTED 0', 'FILE_UNWRITABLE 0'])
  stage.add('FILE_MISSING', LLDP, BOX)
  stage.add('FILE_UNWRITABLE', makeKey('settings', 'kytos', 'z'))
  expect(await counts()).toEqual(['FILE_MISSING 2', 'FILE_REJECTED 0', 'FILE_UNWRITABLE 1'])
  stage.problems = []
  expect(await counts()).toEqual(['FILE_MISSING 0', 'FILE_REJECTED 0', 'FILE_UNWRITABLE 0'])
})
