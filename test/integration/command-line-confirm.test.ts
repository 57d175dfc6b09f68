import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CliStage, openCliStage } from './cli-stage.ts'

const NAPP = 'kytos/link_discovery'

describe('a change with --confirm-within', () => {
  let stage: CliStage
  beforeAll(async () => {
    stage = await openCliStage('filesystem')
    await stage.start()
  }, 60_000)
  afterAll(() => stage.close())

  const value = async () => (await stage.run(['get', NAPP, 'polling_time'])).stdout.trim()
  const set = (to: number, ...more: string[]) =>
    stage.terminal(['set', NAPP, `polling_time=${to}`, '--confirm-within', '1h', ...more])

  it('is confirmed by Enter on a terminal, which counts down', async () => {
    const terminal = set(4)
    await terminal.shows(
      /Enter confirms the change, Ctrl-C cancels it\. If this terminal dies, it is rolled back/,
    )
    await terminal.shows(/Rolled back in 3\d\d\d s\. Confirm\?/)
    terminal.type('\r')
    await terminal.shows(/kytos\/link_discovery: version \d+ is confirmed/)
    expect(await terminal.ended).toBe(0)
    expect(await value()).toBe('4')
    expect(await stage.run(['cancel', NAPP])).toMatchObject({
      exit: 5,
      stderr: expect.stringContaining('was confirmed by'),
    })
  }, 60_000)

  it('is cancelled by Ctrl-C on a terminal', async () => {
    const terminal = set(5)
    await terminal.shows(/Confirm\?/)
    expect(await value()).toBe('5')
    terminal.type('\x03')
    await terminal.shows(/kytos\/link_discovery is rolled back, at version \d+/)
    expect(await terminal.ended).toBe(0)
    expect(await value()).toBe('4')
  }, 60_000)

  it('waits on when its terminal dies, and can be confirmed from another one', async () => {
    const terminal = set(6)
    await terminal.shows(/Confirm\?/)
    terminal.vanish()
    await terminal.ended.catch(() => {})
    expect((await stage.run(['status'])).stdout).toMatch(/kytos\/link_discovery +cluster/)
    expect((await stage.run(['list'])).stdout).toContain('pending')
    expect(await stage.run(['set', NAPP, 'polling_time=7'])).toMatchObject({
      exit: 5,
      stderr: expect.stringMatching(
        /waits for the confirmation of a change by local-admin: it is rolled back in/,
      ),
    })
    const { exit, stdout } = await stage.run(['confirm', NAPP, '--json'])
    expect([exit, JSON.parse(stdout)]).toMatchObject([0, { kind: 'confirmed' }])
    expect(await value()).toBe('6')
  }, 60_000)

  it('returns at once without a terminal, for every command that changes overrides', async () => {
    const commands = [
      ['unset', NAPP, 'polling_time'],
      ['delete', NAPP],
      ['set', NAPP, 'polling_time=1'],
    ]
    for (const command of commands) {
      const ran = await stage.run([...command, '--confirm-within', '5m'])
      expect(ran).toMatchObject({ exit: 0, stderr: expect.stringContaining('unless it is confirmed') })
      expect((await stage.run(['cancel', NAPP])).exit).toBe(0)
      expect(await value()).toBe('6')
    }
    for (const time of ['1s', '25h', '5 m', '-5', 'soon'])
      expect((await stage.run(['set', NAPP, 'polling_time=1', '--confirm-within', time])).exit).toBe(2)
    expect((await stage.run(['confirm', NAPP])).exit).toBe(5)
  }, 60_000)

  it('is armed by promote, apply, edit and rollback too; each extends the one before, and all end together', async () => {
    const within = ['--confirm-within', '5m']
    expect((await stage.run(['set', NAPP, 'polling_time=8', '-s', 'controller:c2'])).exit).toBe(0)
    const folder = join(stage.cwd, 'wanted/settings/kytos')
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'link_discovery.json'), '{"polling_time": 11}')
    const EDITOR = await stage.editor(`echo '{"polling_time": 12}' > "$1"`)
    const commands: [string[], string][] = [
      [['promote', NAPP, '--from', 'c2'], '8'],
      [['apply', 'wanted'], '11'],
      [['edit', NAPP], '12'],
      [['rollback', NAPP, '1'], '4'],
    ]
    for (const [command, after] of commands) {
      expect(await stage.run([...command, ...within], { EDITOR })).toMatchObject({
        exit: 0,
        stderr: expect.stringContaining('is rolled back in 300 s unless it is confirmed'),
      })
      expect(await value()).toBe(after)
    }
    // The store has the document of the other controller no longer, because it was promoted.
    const other = async () =>
      JSON.parse((await stage.run(['get', NAPP, '-s', 'controller:c2', '--json'])).stdout)
    expect((await other()).overrides).toEqual({})
    const { exit, stdout } = await stage.run(['cancel', NAPP, '-s', 'controller:c2', '--json'])
    expect([exit, JSON.parse(stdout).documents.length]).toEqual([0, 2])
    expect(await value()).toBe('6')
    expect((await other()).overrides).toEqual({ polling_time: 8 })
  }, 90_000)

  it('that waits in a backup is rolled back by the service that starts on the restored store', async () => {
    const arm = (to: number) => stage.run(['set', NAPP, `polling_time=${to}`, '--confirm-within', '5m'])
    expect((await arm(13)).exit).toBe(0)
    expect((await stage.run(['backup', 'saved'])).exit).toBe(0)
    expect((await stage.run(['confirm', NAPP])).exit).toBe(0)
    // Another change waits while the store is replaced.
    expect((await arm(14)).exit).toBe(0)
    await stage.stop()
    expect(await stage.run(['restore', 'saved', '--overwrite'])).toMatchObject({ exit: 0 })
    await stage.start()
    await expect.poll(value, { timeout: 30_000 }).toBe('6')
    expect((await stage.run(['confirm', NAPP])).stderr).toContain('was not confirmed in time')
  }, 90_000)
})
