import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { readSource } from '../../../src/import/source.ts'

/** A file in a folder of its own. */
async function file(
  path: string,
  content: string | Uint8Array,
): Promise<{ readonly cwd: string; readonly path: string }> {
  const cwd = await mkdtemp(join(tmpdir(), 'kytos-source-'))
  onTestFinished(() => rm(cwd, { recursive: true }))
  await mkdir(dirname(join(cwd, path)), { recursive: true })
  await writeFile(join(cwd, path), content)
  return { cwd, path }
}

describe('what is imported', () => {
  it('names its namespace by its folder, or is told it', async () => {
    const { cwd, path } = await file('.installed/kytos/of_lldp/settings.py', 'A = 1\n')
    expect(await readSource(path, { cwd })).toMatchObject([
      { kind: 'settings', file: path, namespace: 'kytos/of_lldp', settings: [{ name: 'A' }] },
    ])
    expect(await readSource(path, { cwd, namespace: 'me/other' })).toMatchObject([{ namespace: 'me/other' }])
    await expect(readSource(path, { cwd, namespace: 'me' })).rejects.toMatchObject({
      code: 'NAMESPACE_MALFORMED',
    })
    await expect(readSource('.installed/kytos/of_lldp', { cwd })).rejects.toMatchObject({
      code: 'CONTENT_MALFORMED',
      message: expect.stringContaining('settings.py'),
    })
  })

  it('is a kytos.conf, JSON of many namespaces, or refused with what is imported', async () => {
    const conf = await file('kytos.ini', '[daemon]\nport = 1\n')
    expect(await readSource(conf.path, conf)).toMatchObject([
      { namespace: 'kytos/core', settings: [{ name: 'port', value: 1, line: 2 }] },
    ])
    const json = await file('a.json', '{"kytos/a": {"x": 1},\n"nobody": {"y": 1}}')
    expect(await readSource(json.path, json)).toMatchObject([
      { namespace: 'kytos/a' },
      { kind: 'broken', problems: [{ line: 2, message: expect.stringContaining('nobody') }] },
    ])
    expect(await readSource(json.path, { ...json, namespace: 'kytos/b' })).toEqual([])
    const text = await file('a.txt', '')
    await expect(readSource(text.path, text)).rejects.toMatchObject({ code: 'CONTENT_MALFORMED' })
    await expect(readSource('absent.py', text)).rejects.toMatchObject({ code: 'CONFIG_ABSENT' })
  })

  it('is told when it is something else that somebody moving in has at hand', async () => {
    const schema = await file(
      'of_lldp.json',
      '{"$schema": "https://json-schema.org/draft/2020-12/schema", "properties": {}}',
    )
    expect(await readSource(schema.path, schema)).toMatchObject([
      { kind: 'broken', problems: [{ line: 1, message: expect.stringContaining('/schema') }] },
    ])
    const { cwd } = await file('napps/kytos/of_lldp/settings.py', 'A = 1\n')
    for (const folder of ['napps', 'napps/kytos'])
      await expect(readSource(folder, { cwd })).rejects.toMatchObject({
        code: 'CONTENT_MALFORMED',
        message: expect.stringContaining('/*/*/settings.py'),
      })
    await expect(readSource('nobody/*/settings.py', { cwd })).rejects.toThrow(
      'does not exist. No file matches the pattern.',
    )
  })

  it('is refused where it is a pipe, which would be waited for without an end', {
    timeout: 5_000,
  }, async () => {
    const { cwd } = await file('other.json', '{}')
    execFileSync('mkfifo', [join(cwd, 'pipe.json')])
    await expect(readSource('pipe.json', { cwd })).rejects.toMatchObject({
      code: 'CONTENT_MALFORMED',
      message: 'pipe.json is not a regular file.',
    })
  })

  it('tells a box and what is none by the path that it was given', async () => {
    const { cwd } = await file('var/storehouse/kytos.topology.status/5e', 'no pickle')
    const told = join('var/storehouse', 'kytos.topology.status', '5e')
    expect(await readSource('var/storehouse', { cwd })).toMatchObject([
      { kind: 'boxes', boxes: [] },
      { kind: 'broken', file: told, box: { namespace: 'kytos.topology.status', name: '5e' } },
    ])
  })

  it('is told when it is not UTF-8, or has a mark that Kytos stumbles over', async () => {
    const latin = await file('kytos.conf', Buffer.from('[daemon]\nworkdir = /é\n', 'latin1'))
    expect(await readSource(latin.path, latin)).toMatchObject([
      { kind: 'broken', problems: [{ message: expect.stringContaining('UTF-8') }] },
    ])
    const marked = await file('kytos.conf', '\ufeff[daemon]\nport = 1\n')
    expect(await readSource(marked.path, marked)).toMatchObject([
      { problems: [{ line: 1, message: expect.stringContaining('byte order mark') }] },
    ])
  })
})
