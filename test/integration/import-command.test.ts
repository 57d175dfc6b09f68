import { execFileSync } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parseJson } from '../../model/json.ts'
import { packageRoot } from '../../src/host/shipped.ts'
import { readSettingsPy } from '../../src/import/settings-py.ts'
import { freshFolder, kytosSettings, type Process } from './host-process.ts'

const SETTINGS = `"""Settings."""
# Seconds between two polls
POLLING_TIME = 3
COOKIE = 0xDD00000000000000
DB_PASSWORD = "s3cret"
LOCK = object()
`

async function ended(process: Process, exit = 0): Promise<string> {
  expect(await process.ended, process.output()).toBe(exit)
  return process.output()
}

describe('the built command line', () => {
  it('imports settings.py, kytos.conf, JSON and storehouse into the running service, again without a change, and exports them', async () => {
    const cwd = await freshFolder()
    const napp = join(cwd, 'old/kytos/example')
    await mkdir(napp, { recursive: true })
    await writeFile(join(napp, 'settings.py'), SETTINGS)
    await writeFile(join(cwd, 'kytos.conf'), '[daemon]\nport = 6633\njwt_secret = 100%%safe\napi_port = 8181\n')
    await writeFile(join(cwd, 'more.json'), '{"kytos/more": {"n": 9007199254740993}}')
    execFileSync('python3', [fileURLToPath(new URL('import-storehouse.py', import.meta.url)), join(cwd, 'storehouse'), '400'])
    const files = ['old/kytos/example/settings.py', 'kytos.conf', 'more.json', 'storehouse']

    expect(await ended(kytosSettings(cwd, 'import', ...files), 6)).toContain('No service runs')
    await kytosSettings(cwd, 'start').ready
    const trial = await ended(kytosSettings(cwd, 'import', '--dry-run', ...files))
    expect(trial).toMatch(/It would be \d+ new, 0 changed, 0 same, \d+ skipped\. Nothing was written\.\n$/)
    expect(await ended(kytosSettings(cwd, 'export'))).toBe('{}\n')
    const done = await ended(kytosSettings(cwd, 'import', ...files))
    expect(done.trimEnd().split('\n').slice(0, -1)).toEqual(trial.trimEnd().split('\n').slice(0, -1))
    expect(done).toContain('skipped  kytos/example LOCK')
    expect(done).toContain('old/kytos/example/settings.py:6')
    expect(done).not.toContain('s3cret')
    // More than a pipe takes at once, to a reader that is slow.
    const command = `"${process.execPath}" "${join(packageRoot(), 'dist/src/main.js')}" import --json ${files.join(' ')} | (sleep 4; cat)`
    const again = execFileSync('bash', ['-c', command], { cwd, encoding: 'utf8' })
    expect(again.length).toBeGreaterThan(65_536)
    expect(JSON.parse(again)).toMatchObject({ counts: { new: 0, changed: 0, same: 413 } })

    expect(parseJson(await ended(kytosSettings(cwd, 'export')))).toMatchObject({
      'kytos/core': { port: 6633, jwt_secret: '100%safe' },
      'kytos/example': { DB_PASSWORD: 's3cret' },
      'kytos/more': { n: 9007199254740993n },
    })
    const conf = await ended(kytosSettings(cwd, 'export', '--format', 'kytos.conf'))
    expect(conf).toContain('[daemon]\n')
    expect(conf).toContain('port = 6633\n')
    expect(conf).toContain('jwt_secret = 100%%safe\n')
  }, 60_000)

  it('writes the schema that a settings.py implies, and says what is wrong with a file', async () => {
    const cwd = await freshFolder()
    await writeFile(join(cwd, 'settings.py'), SETTINGS)
    await writeFile(join(cwd, 'broken.py'), 'A = 1\nprint "x"\n')
    await ended(kytosSettings(cwd, 'import', 'settings.py', '--namespace', 'kytos/example', '--schema-out', 'schema.json'))
    expect(parseJson(await readFile(join(cwd, 'schema.json'), 'utf8'))).toEqual(readSettingsPy(Buffer.from(SETTINGS)).schema)
    await mkdir(join(cwd, '.hidden'))
    await writeFile(join(cwd, '.hidden/settings.py'), SETTINGS)
    expect(await ended(kytosSettings(cwd, 'import', '.hidden/settings.py'), 2)).toContain('--namespace')
    expect(await ended(kytosSettings(cwd, 'import', 'absent.py', '--namespace', 'a/b'), 3)).toContain('absent.py')
    expect(await ended(kytosSettings(cwd, 'import', 'settings.txt'), 3)).toContain('settings.txt')
    await kytosSettings(cwd, 'start').ready
    expect(await ended(kytosSettings(cwd, 'import', 'broken.py', '--namespace', 'a/b'), 4)).toContain('broken.py:2')
    await writeFile(join(cwd, 'broken.json'), '{"kytos/a": {"n": 1},}')
    expect(await ended(kytosSettings(cwd, 'import', 'broken.json'), 4)).toContain('broken.json:1')
  }, 60_000)
})
