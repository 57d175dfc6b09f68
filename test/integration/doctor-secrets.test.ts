import { chmod, readFile, rename, writeFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { createKeySet, parseKeySet, printKeySet, withNewKey } from '../../src/secrets/key-set.ts'
import { Secrets } from '../../src/secrets/secrets.ts'
import { doctor, runRepair } from './doctor-stage.ts'
import { freshFolder } from './host-process.ts'
import { furnish, iniFor, kytos, putByHand } from './moving-ground.ts'

const NAMESPACE = 'kytos/secretive'
const SECRET = { type: 'string', 'x-sensitive': true }
const SCHEMA = { type: 'object', properties: { one: SECRET, two: SECRET } }

it('the doctor finds what is wrong with the keys and the sealed values', async () => {
  const cwd = await freshFolder()
  const ini = await iniFor(cwd, 'a')
  await furnish(ini, { namespaces: 3, boxes: 1 })
  const created = await kytos(cwd, 'key', 'create', '-c', 'a.ini')
  const file = /Created the keys in (\S+)\. /.exec(created.output)?.[1] ?? ''
  const secrets = new Secrets()
  secrets.keys = parseKeySet(await readFile(file, 'utf8'), file)
  secrets.learn(NAMESPACE, 'd1', SCHEMA)
  const good = secrets.store(NAMESPACE, { one: 'canary', two: 'canary' })
  await putByHand(
    ini,
    `schemas/${NAMESPACE}/d1`,
    JSON.stringify({ schema: SCHEMA, seed: {}, napp_version: null }),
  )
  await putByHand(ini, `settings/${NAMESPACE}`, JSON.stringify(good))
  const found = async () => {
    const report = await doctor(cwd, 'a.ini')
    expect(JSON.stringify(report)).not.toContain('canary')
    return { ...report, codes: report.codes.filter(code => code.startsWith('secret.')) }
  }
  expect((await found()).codes).toEqual([])

  await chmod(file, 0o644)
  const open = await found()
  expect(open.codes).toEqual(['secret.keys'])
  await runRepair(cwd, open.find('secret.keys'))
  expect((await found()).codes).toEqual([])

  // Each value in the place of the other.
  await putByHand(ini, `settings/${NAMESPACE}`, JSON.stringify({ ...good, one: good.two as object }))
  const damaged = await found()
  expect(damaged.codes).toEqual(['secret.damaged'])
  expect(damaged.find('secret.damaged').where).toBe(`settings/${NAMESPACE} /one`)
  await putByHand(ini, `settings/${NAMESPACE}`, JSON.stringify(good))

  await kytos(cwd, 'key', 'rotate', '-c', 'a.ini')
  expect((await found()).codes).toEqual(['secret.outdated'])

  await rename(file, `${file}.backup`)
  await writeFile(file, printKeySet(withNewKey(createKeySet())), { mode: 0o600 })
  const missing = await found()
  expect(missing.codes).toEqual(['secret.key_missing'])
  expect(missing.find('secret.key_missing').what).toContain('of 2 sealed values')
  await runRepair(cwd, missing.find('secret.key_missing'), { BACKUP: `${file}.backup` })
  const outdated = await found()
  expect(outdated.codes).toEqual(['secret.outdated'])
  expect(await runRepair(cwd, outdated.find('secret.outdated'))).toContain(`${NAMESPACE}: `)
  expect((await found()).codes).toEqual([])
  const again = await kytos(cwd, 'reseal', '-c', 'a.ini')
  expect(again.output).toContain('All secrets are sealed with the newest key.')
})
