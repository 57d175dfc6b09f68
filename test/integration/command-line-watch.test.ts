import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseJson } from '../../model/json.ts'
import { type CliStage, openCliStage } from './cli-stage.ts'

const NAPP = 'kytos/link_discovery'
const TIME = String.raw`\d\d:\d\d:\d\d`

describe.each(['filesystem', 'etcd'] as const)('watch on %s', backend => {
  let stage: CliStage
  beforeAll(async () => {
    stage = await openCliStage(backend)
    await stage.start()
  })
  afterAll(() => stage.close())
  const set = async (...args: readonly string[]) =>
    expect(await stage.run(['set', NAPP, ...args])).toMatchObject({ exit: 0 })

  it('prints every change once, across a restart of the service, until Ctrl-C; its cursor resumes from there', async () => {
    const people = stage.terminal(['watch'])
    const machines = stage.terminal(['watch', NAPP, '--json'], { NO_COLOR: '1' }, undefined, 2_000)
    await Promise.all([
      people.shows(/Watching all namespaces at http/),
      machines.shows(/Watching kytos\/link_discovery/),
    ])
    await set('polling_time=5', 'liveness.min_hellos=3', '--comment', 'calmer')
    await people.shows(
      /\x1b\[1mkytos\/link_discovery\x1b\[0m cluster polling_time \x1b\[31m3\x1b\[0m -> \x1b\[32m5\x1b\[0m \(live\) by local-admin \x1b\[2m"calmer"/,
    )
    await machines.shows(/"name":"settings\.changed"/)
    await stage.stop('SIGKILL')
    await people.shows(/Connection lost \(.*\); reconnecting/)
    // No service runs, so this is the store's own.
    await set('flow_cookie=12321848580485677057')
    await stage.start()
    await people.shows(
      /Reconnected to [\s\S]*flow_cookie \x1b\[31m12321848580485677056\x1b\[0m -> \x1b\[32m12321848580485677057/,
    )
    await machines.shows(/12321848580485677057/)
    await set('polling_time=6')
    await people.shows(/polling_time \x1b\[31m5\x1b\[0m -> \x1b\[32m6/)
    await machines.shows(/"path":"\/polling_time","old":5,"new":6/)
    people.type('\x03')
    machines.type('\x03')
    expect(await Promise.all([people.ended, machines.ended])).toEqual([0, 0])
    expect(people.shown().match(/ -> \x1b\[32m5/g)).toHaveLength(1)
    expect(machines.shown()).not.toContain('\x1b')
    for (const line of machines
      .shown()
      .split('\r\n')
      .filter(text => text.startsWith('{')))
      expect(() => parseJson(line)).not.toThrow()

    const [, cursor = ''] = /--since (\S+)/.exec(people.shown()) ?? []
    await set('polling_time=7')
    const later = stage.terminal(['watch', '--since', cursor], { NO_COLOR: '1' })
    await later.shows(
      new RegExp(`${TIME} kytos/link_discovery cluster polling_time 6 -> 7 \\(live\\) by local-admin\r\n`),
    )
    later.type('\x03')
    expect(await later.ended).toBe(0)
    expect(later.shown()).not.toContain('5 -> 6')
  })
})

describe('watch', () => {
  let stage: CliStage
  beforeAll(async () => {
    stage = await openCliStage('filesystem', 'authentication = required')
    await stage.start()
  })
  afterAll(() => stage.close())

  it('ends when its token expires, and when its reader closes the pipe', async () => {
    const made = await stage.run(['token', 'create', 'reader', '--json'])
    const { id, token } = parseJson(made.stdout) as { readonly id: string; readonly token: string }
    const watching = stage.terminal(['watch'], { KYTOS_SETTINGS_TOKEN: token })
    const head = stage.terminal(
      ['-c', 'set -o pipefail; kytos-settings watch 2>err | head -n 1; echo "ended with $?"'],
      {},
      'bash',
    )
    await watching.shows(/Watching/)
    await expect
      .poll(() => stage.run(['set', NAPP, `polling_time=${1 + Math.random()}`]).then(() => head.shown()), {
        timeout: 10_000,
      })
      .toMatch(/ended with 0/)
    expect((await stage.run(['token', 'revoke', id])).exit).toBe(0)
    expect(await watching.ended).toBe(1)
    expect(watching.shown()).toMatch(/Connection lost[\s\S]*kytos-settings: .*token/)
  })
})
