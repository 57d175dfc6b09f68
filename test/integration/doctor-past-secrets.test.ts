import { expect, it, onTestFinished } from 'vitest'
import { makeKey } from '../../model/key.ts'
import type { JsonObject } from '../../model/value.ts'
import { loadBackend } from '../../src/boot/backend-registry.ts'
import { openController } from '../support/controller.ts'
import { doctor, runRepair } from './doctor-stage.ts'
import { freshFolder } from './host-process.ts'
import { choiceOf, etcdForTest, iniFor, inStore, kytos, putByHand } from './moving-ground.ts'

const SECRET = { type: 'string', 'x-sensitive': true }
const schemaOf = (password: JsonObject) => ({
  type: 'object',
  properties: { password, n: { type: 'integer' } },
})
const WAIT = { timeout: 30_000, interval: 100 }

it('the doctor names documents whose plain secrets are in earlier revisions of etcd, until it is compacted', async () => {
  const cwd = await freshFolder()
  const etcd = await etcdForTest()
  const ini = await iniFor(cwd, 'a', etcd)
  const controller = await openController({ id: 'c-a', backend: await loadBackend(await choiceOf(ini)) })
  onTestFinished(() => controller.close())
  const found = async () => {
    const report = await doctor(cwd, 'a.ini')
    expect(JSON.stringify(report)).not.toContain('canary')
    return report.findings.filter(({ code }) => code === 'secret.past')
  }
  const textOf = (name: string) =>
    inStore(ini, async backend => (await backend.get(makeKey('settings', 'acme', name)))?.text ?? '')

  // Typed with etcdctl; marked later; typed without a secret; always sealed.
  for (const name of ['typed', 'harmless', 'sealed'])
    await controller.ask('kytos.settings.register', { namespace: `acme/${name}`, schema: schemaOf(SECRET) })
  await controller.ask('kytos.settings.register', {
    namespace: 'acme/marked',
    schema: schemaOf({ type: 'string' }),
  })
  for (const name of ['marked', 'sealed'])
    await controller.ask('kytos.settings.update', {
      namespace: `acme/${name}`,
      data: { password: 'canary-1' },
    })
  expect(await found()).toEqual([])
  await putByHand(ini, 'settings/acme/typed', '{"password":"canary-2"}')
  await putByHand(ini, 'settings/acme/harmless', '{"n":2}')
  await controller.ask('kytos.settings.register', {
    namespace: 'acme/marked',
    schema: schemaOf(SECRET),
    napp_version: '2',
  })
  for (const name of ['typed', 'marked']) await expect.poll(() => textOf(name), WAIT).toContain('$sealed')
  await expect.poll(async () => (await found()).length, WAIT).toBe(2)
  const past = await found()
  expect(past.map(({ where }) => where).sort()).toEqual(['settings/acme/marked', 'settings/acme/typed'])
  expect(past[0]?.what).toMatch(/in plain text at earlier revisions: \d+\.$/)

  // Of the finding itself, the command and nothing else.
  const [first] = past
  if (first) await runRepair(cwd, first)
  expect(await found()).toEqual([])
  expect((await kytos(cwd, 'doctor', '-c', 'a.ini')).output).not.toContain('secret.past')
})
