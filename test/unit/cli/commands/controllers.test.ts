import { expect, it } from 'vitest'
import { parseJson } from '../../../../model/json.ts'
import { freePort } from '../../../support/etcd-process.ts'
import { temporaryTree, writeFiles } from '../../host/napps-tree.ts'
import { API, openRealRig } from '../../http/harness.ts'
import { runIn } from '../cli-world.ts'

it('controllers shows the controller of the service and every owner of overrides, as a table and as JSON', async () => {
  const rig = await openRealRig()
  const kytos = async (...args: string[]) => runIn(await temporaryTree(), [...args, '--url', rig.http.url])
  const put = (name: string, scope: string) =>
    rig.send('PUT', `${API}/kytos/${name}?scope=${scope}`, { body: { json: { n: 1 } } })
  for (const name of ['y', 'x']) await put(name, 'controller:c2')
  expect(await kytos('controllers')).toMatchObject({
    exit: 0,
    stderr: '',
    stdout: `Controller    This one  Overrides
c2            no        kytos/x, kytos/y
controller-1  yes       -
`,
  })
  expect(parseJson((await kytos('controllers', '--json')).stdout)).toEqual({
    controllers: [
      { id: 'c2', self: false, namespaces: ['kytos/x', 'kytos/y'] },
      { id: 'controller-1', self: true, namespaces: [] },
    ],
  })
  expect((await kytos('controllers', 'c2')).exit).toBe(2)
})

it('controllers works without a service', async () => {
  const cwd = await temporaryTree()
  const ini = `[daemon]\napi_port = ${await freePort()}\n[settings]\ncontroller = c9\nstate_dir = state\n[settings.filesystem]\npath = store\n`
  await writeFiles(cwd, { 'kytos.ini': ini })
  expect(await runIn(cwd, ['set', 'kytos/x', 'n=1', '--scope', 'controller', '--new'])).toMatchObject({
    exit: 0,
  })
  const { exit, stdout, stderr } = await runIn(cwd, ['controllers', '--json'])
  expect({ exit, json: parseJson(stdout) }).toEqual({
    exit: 0,
    json: { controllers: [{ id: 'c9', self: true, namespaces: ['kytos/x'] }] },
  })
  expect(stderr).toContain('No service is running here; opening the store directly.')
})
