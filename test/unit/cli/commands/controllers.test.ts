import { expect, it } from 'vitest'
import type { Controllers } from '../../../../events/nouns.ts'
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
    stdout: `Controller    This one  Running  Overrides
c2            no        no       kytos/x, kytos/y
controller-1  yes       yes      -

If controller-1 was renamed, "kytos-settings controllers rename c2 controller-1" moves its overrides.
`,
  })
  expect(parseJson((await kytos('controllers', '--json')).stdout)).toEqual({
    controllers: [
      { id: 'c2', self: false, running: false, namespaces: ['kytos/x', 'kytos/y'] },
      { id: 'controller-1', self: true, running: true, namespaces: [] },
    ],
  })
  expect((await kytos('controllers', 'c2')).exit).toBe(2)
})

it('controllers rename moves all overrides to the new id, and loses and replaces none', async () => {
  const rig = await openRealRig()
  const cwd = await temporaryTree()
  const kytos = async (...args: string[]) => runIn(cwd, [...args, '--url', rig.http.url])
  const put = (name: string, scope: string, n = 1) =>
    rig.send('PUT', `${API}/kytos/${name}?scope=${scope}`, { body: { json: { n } } })
  const controllers = async () => {
    const { stdout } = await kytos('controllers', '--json')
    const answer = parseJson(stdout) as unknown as Controllers
    return Object.fromEntries(answer.controllers.map(({ id, namespaces }) => [id, namespaces.length]))
  }
  const names = Array.from({ length: 40 }, (_, i) => `n${String(i).padStart(2, '0')}`)
  for (const [i, name] of names.entries()) await put(name, 'controller:old-host', i)
  await put('n39', 'controller:new-host', 7)
  expect(await kytos('controllers', 'rename', 'old-host', 'new-host')).toMatchObject({
    exit: 5,
    stderr: expect.stringContaining('"kytos-settings delete kytos/n39 --scope controller:new-host"'),
  })
  expect(await controllers()).toMatchObject({ 'old-host': 40, 'new-host': 1 })
  await kytos('delete', 'kytos/n39', '--scope', 'controller:new-host')
  expect(await kytos('controllers', 'rename', 'old-host', 'new-host', '--dry-run')).toMatchObject({
    exit: 0,
    stdout: expect.stringMatching(/^Dry run: nothing was written/),
  })
  expect(await controllers()).toEqual({ 'controller-1': 0, 'old-host': 40 })
  const { exit, stdout, stderr } = await kytos('controllers', 'rename', 'old-host', 'new-host')
  expect({ exit, stdout }).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^Moved .*kytos\/n39/) })
  expect(stderr).toContain('No controller "new-host" is known')
  expect(await controllers()).toEqual({ 'controller-1': 0, 'new-host': 40 })
  for (const [i, name] of names.entries())
    expect((await rig.send('GET', `${API}/kytos/${name}?scope=controller:new-host`)).json).toMatchObject({
      overrides: { n: i },
    })
  expect(await kytos('controllers', 'rename', 'new-hots', 'x')).toMatchObject({
    exit: 3,
    stderr: expect.stringContaining('Did you mean "new-host"?'),
  })
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
    json: { controllers: [{ id: 'c9', self: true, running: true, namespaces: ['kytos/x'] }] },
  })
  expect(stderr).toContain('No service is running here; opening the store directly.')
})
