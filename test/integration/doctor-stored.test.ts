import { readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { doctor, runRepair } from './doctor-stage.ts'
import { freshFolder } from './host-process.ts'
import { etcdForTest, furnish, iniFor, kytos, putByHand } from './moving-ground.ts'

const SMALL = { namespaces: 3, boxes: 10 }

/** A store of one of the backends, with a kytos.ini for it. */
async function furnished(backend: string): Promise<{ readonly cwd: string; readonly ini: string }> {
  const cwd = await freshFolder()
  const ini = await iniFor(
    cwd,
    'a',
    backend === 'etcd' ? await etcdForTest('--auto-compaction-retention=1h') : undefined,
  )
  await furnish(ini, SMALL)
  return { cwd, ini }
}

/** The findings besides those about every etcd of a test. */
function own(codes: readonly string[]): readonly string[] {
  return codes.filter(code => !code.startsWith('etcd.') && code !== 'service.stopped')
}

describe.each(['filesystem', 'etcd'])('the doctor, of the stored content (%s),', backend => {
  it('finds overrides that do not validate, in any scope, and its command opens them', async () => {
    const { cwd, ini } = await furnished(backend)
    await putByHand(ini, 'settings/kytos/napp_0', '{"n":"many"}')
    await putByHand(ini, 'controllers/c-9/kytos/napp_0', '{"n":"few","big":"none"}')
    const ill = await doctor(cwd, 'a.ini')
    expect(own(ill.codes)).toEqual(['overrides.invalid', 'overrides.invalid'])
    expect(ill.find('overrides.invalid')).toMatchObject({ where: 'kytos/napp_0', severity: 'broken' })
    expect(ill.findings.map(({ what }) => what)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/\(cluster\).*\/n.*1 stored value is ignored/),
        expect.stringMatching(/\(controller:c-9\).*, and 1 more;/),
      ]),
    )
    for (const finding of ill.findings.filter(({ code }) => code === 'overrides.invalid')) {
      await runRepair(cwd, finding, {}, `sed -i 's/"many"\\|"few"\\|"none"/3/'`)
    }
    expect(own((await doctor(cwd, 'a.ini')).codes)).toEqual([])
  })

  it('finds unencrypted secrets without printing them, and its command removes them', async () => {
    const { cwd, ini } = await furnished(backend)
    const schema = {
      type: 'object',
      properties: {
        login: { properties: { password: { 'x-sensitive': true }, 'the key': { 'x-sensitive': true } } },
      },
    }
    await putByHand(
      ini,
      'schemas/kytos/secretive/d1',
      JSON.stringify({ schema, seed: {}, napp_version: null }),
    )
    await putByHand(
      ini,
      'settings/kytos/secretive',
      '{"login":{"password":"hunter2","the key":"hunter2","name":"a"}}',
    )
    const plain = await doctor(cwd, 'a.ini')
    expect(own(plain.codes)).toEqual(['secret.plain'])
    expect(plain.find('secret.plain').what).toContain('/login/password, /login/the key')
    expect(JSON.stringify(plain)).not.toContain('hunter2')
    await runRepair(cwd, plain.find('secret.plain'))
    const repaired = await doctor(cwd, 'a.ini')
    // etcd keeps the plain text at earlier revisions until they are compacted.
    expect(own(repaired.codes)).toEqual(backend === 'etcd' ? ['secret.past'] : [])
    expect((await kytos(cwd, 'get', 'kytos/secretive', '-c', 'a.ini')).output).toMatch(/login\.name\s+"a"/)
  })

  it('finds a schema that is none, and its command has it away', async () => {
    const { cwd, ini } = await furnished(backend)
    await kytos(cwd, 'backup', 'whole.archive', '-c', 'a.ini')
    await putByHand(ini, 'schemas/kytos/napp_0/d1', '{"schema":7}')
    const ill = await doctor(cwd, 'a.ini')
    expect(own(ill.codes)).toEqual(['schema.unreadable'])
    expect(ill.find('schema.unreadable').where).toBe('schemas/kytos/napp_0/d1')
    await runRepair(cwd, ill.find('schema.unreadable'), backend === 'etcd' ? {} : { FILE: 'whole.archive' })
    expect(own((await doctor(cwd, 'a.ini')).codes)).toEqual([])
  })

  it('finds a box and overrides that another program wrote against the rules, and its command has the box away', async () => {
    const { cwd, ini } = await furnished(backend)
    await kytos(cwd, 'backup', 'whole.archive', '-c', 'a.ini')
    await putByHand(ini, 'boxes/net/twice', '{"data":1,"data":2}')
    await putByHand(ini, 'settings/Kytos/napp_0', '{}')
    const ill = await doctor(cwd, 'a.ini')
    expect([...own(ill.codes)].sort()).toEqual(['box.unreadable', 'overrides.invalid'])
    expect(ill.find('box.unreadable').where).toBe('boxes/net/twice')
    expect(ill.find('overrides.invalid').what).toMatch(
      /"Kytos\/napp_0" differs from "kytos\/napp_0" only in case/,
    )
    await runRepair(cwd, ill.find('box.unreadable'), backend === 'etcd' ? {} : { FILE: 'whole.archive' })
    expect(own((await doctor(cwd, 'a.ini')).codes)).not.toContain('box.unreadable')
  })

  it('finds clocks that differed', async () => {
    const { cwd, ini } = await furnished(backend)
    const record = (version: number, controller: string, at: string) =>
      JSON.stringify({
        version,
        kind: 'updated',
        data: {},
        actor: { type: 'user', name: 'a' },
        controller,
        comment: null,
        at,
        write_id: `w${version}`,
      })
    await putByHand(ini, 'history/settings/kytos/x/000000000001', record(1, 'ahead', '2026-01-01T00:01:00Z'))
    await putByHand(ini, 'history/settings/kytos/x/000000000002', record(2, 'behind', '2026-01-01T00:00:00Z'))
    const skewed = await doctor(cwd, 'a.ini')
    expect(own(skewed.codes)).toEqual(['clock.skew'])
    expect(skewed.find('clock.skew').what).toMatch(
      /^The clock of ahead was at least 60 s ahead of behind: .*000000000002 .* dated 2026-01-01T00:00:00Z/,
    )
  })

  it('finds a store that is not whole', async () => {
    const { cwd, ini } = await furnished(backend)
    await putByHand(ini, 'meta/store', '{"format":1,"filling":{"from":"x","at":"t"}}')
    const filling = await doctor(cwd, 'a.ini')
    expect(own(filling.codes)).toEqual(['store.format'])
    expect(filling.find('store.format').what).toMatch(/run the same "kytos-settings copy" or "restore" again/)
  })

  it('accepts any other content of the store', async () => {
    const { cwd, ini } = await furnished(backend)
    for (const kind of [
      'armed',
      'pending',
      'presence',
      'tokens',
      'boxes/a',
      'settings/kytos',
      'schemas/kytos/napp_0',
      'history/settings/kytos/napp_0',
    ]) {
      for (const text of ['{', '[]', '{"version":"x"}', 'null'])
        await putByHand(ini, `${kind}/000000000009`, text)
    }
    expect(
      (await doctor(cwd, 'a.ini')).broken.filter(
        code => !['overrides.invalid', 'schema.unreadable', 'box.unreadable'].includes(code),
      ),
    ).toEqual([])
  })
})

it('the doctor finds hand edits that were made while no service ran, until they are imported', async () => {
  const { cwd } = await furnished('filesystem')
  const edited = join(cwd, 'store-a', 'settings', 'kytos', 'napp_0.json')
  await writeFile(edited, '{"n": 5}')
  const found = await doctor(cwd, 'a.ini')
  expect(own(found.codes)).toEqual(['file.edited'])
  expect(found.find('file.edited').where).toBe(edited)
  await runRepair(cwd, found.find('file.edited'))
  expect(own((await doctor(cwd, 'a.ini')).codes)).toEqual([])
  expect((await kytos(cwd, 'get', 'kytos/napp_0', 'n', '-c', 'a.ini')).output).toMatch(/5\n$/)
})

it('the doctor finds a file that is missing, which is no edit; each of its two commands decides', async () => {
  const { cwd } = await furnished('filesystem')
  const file = join(cwd, 'store-a', 'settings', 'kytos', 'napp_2.json')
  await rm(file)
  const found = await doctor(cwd, 'a.ini')
  expect(own(found.codes)).toEqual(['file.missing'])
  expect(found).toMatchObject({ exit: 0, warnings: ['file.missing'] })
  expect(found.find('file.missing').where).toBe(file)
  await runRepair(cwd, found.find('file.missing'))
  expect(own((await doctor(cwd, 'a.ini')).codes)).toEqual([])
  await rm(file)
  const again = (await doctor(cwd, 'a.ini')).find('file.missing')
  await runRepair(cwd, { ...again, repair: again.repair.replace(/^.*instead: /, '') })
  expect(own((await doctor(cwd, 'a.ini')).codes)).toEqual([])
  expect((await kytos(cwd, 'get', 'kytos/napp_2', '-c', 'a.ini')).output).toMatch(
    /has neither a schema nor overrides|n /,
  )
})

it('the doctor finds a file that cannot be replaced, and its command puts one there that can', async () => {
  const { cwd } = await furnished('filesystem')
  const file = join(cwd, 'store-a', 'settings', 'kytos', 'napp_0.json')
  await rename(file, join(cwd, 'elsewhere.json'))
  await symlink(join(cwd, 'elsewhere.json'), file)
  const found = await doctor(cwd, 'a.ini')
  expect(own(found.codes)).toEqual(['file.unwritable'])
  expect(found.find('file.unwritable')).toMatchObject({
    where: file,
    what: expect.stringContaining('symbolic link'),
  })
  await runRepair(cwd, found.find('file.unwritable'))
  expect(own((await doctor(cwd, 'a.ini')).codes)).toEqual([])
})

it('the doctor finds an invalid hand edit in a file of the store, and its copy that was set aside', async () => {
  const { cwd } = await furnished('filesystem')
  const file = join(cwd, 'store-a', 'settings', 'kytos', 'napp_0.json')
  await writeFile(file, '{"n": 5')
  const edited = await doctor(cwd, 'a.ini')
  expect(own(edited.codes)).toEqual(['file.broken'])
  expect(edited.find('file.broken')).toMatchObject({
    where: file,
    what: expect.stringMatching(/the stored document stays in use: Not JSON/),
  })
  await kytos(cwd, 'set', 'kytos/napp_0', 'n=8', '-c', 'a.ini')
  const aside = await doctor(cwd, 'a.ini')
  expect(own(aside.codes)).toEqual(['file.rejected'])
  expect(await runRepair(cwd, aside.find('file.rejected'))).toBe('{"n": 5')
  expect(own((await doctor(cwd, 'a.ini')).codes)).toEqual([])
  expect(await readFile(file, 'utf8')).toContain('"n": 8')
})
