import { expect, it } from 'vitest'
import { parseJson } from '../../../../model/json.ts'
import { commandLine } from '../cli-world.ts'

const NAPP = 'kytos/x'
const SCOPE = ['--scope', 'controller:c2']

it('Commands in the scope of another controller show the settings there, and mark what is not known here', async () => {
  const { kytos } = await commandLine()
  await kytos('set', NAPP, 'n=33', '--new')
  const rehearsed = await kytos('set', NAPP, 'n=7', ...SCOPE, '--dry-run')
  expect(rehearsed).toMatchObject({ exit: 0 })
  expect(rehearsed.stdout).toMatch(/n +33 +7/)
  expect(rehearsed.stdout).not.toContain('would not change')
  const changed = await kytos('set', NAPP, 'n=7', ...SCOPE)
  expect(changed.stdout).toMatch(/n +33 +7/)
  const remark = 'Values of the controller c2 as far as they are stored'
  for (const { stderr } of [rehearsed, changed]) expect(stderr).toContain(remark)
  expect(await kytos('get', NAPP, 'n', ...SCOPE)).toMatchObject({
    stdout: '7\n',
    stderr: expect.stringContaining(remark),
  })
  expect((await kytos('get', NAPP, ...SCOPE)).stdout).toMatch(/n +7 +set/)
  const here = await kytos('get', NAPP, 'n')
  expect(here.stdout).toBe('33\n')
  expect(here.stderr).not.toContain('Values of')
  const explained = await kytos('explain', NAPP, ...SCOPE)
  expect(explained.stdout).toMatch(/n +7 +controller[\s\S]+hides +33 +cluster/)
  expect(explained.stderr).toContain(remark)
  expect((await kytos('explain', NAPP)).stdout).toMatch(/n +33 +cluster/)
  expect((await kytos('set', NAPP, 'n=7', ...SCOPE)).stdout).toContain('already has these overrides')
  const { stdout } = await kytos('controllers', '--json')
  expect(parseJson(stdout)).toMatchObject({
    controllers: expect.arrayContaining([{ id: 'c2', self: false, running: false, namespaces: [NAPP] }]),
  })
})

it('promote moves overrides of a NApp that only another controller has, and set brings back a deleted one', async () => {
  const { kytos } = await commandLine()
  expect(await kytos('set', NAPP, 'n=7', '--new', ...SCOPE)).toMatchObject({ exit: 0 })
  expect(await kytos('promote', NAPP, '--from', 'c2')).toMatchObject({ exit: 0 })
  expect((await kytos('get', NAPP, 'n')).stdout).toBe('7\n')
  expect(await kytos('delete', NAPP)).toMatchObject({ exit: 0 })
  expect(await kytos('set', NAPP, 'n=8', '--new')).toMatchObject({ exit: 0 })
  expect((await kytos('get', NAPP, 'n')).stdout).toBe('8\n')
})
