import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runIn } from '../unit/cli/cli-world.ts'
import { type CliStage, openCliStage, type Terminal } from './cli-stage.ts'

const NAPP = 'kytos/link_discovery'

describe('completion', () => {
  let stage: CliStage
  beforeAll(async () => {
    stage = await openCliStage('filesystem')
    await stage.start()
    await stage.run(['set', NAPP, 'polling_time=5'])
    const schema = {
      properties: { mode: { enum: ['fast', 'slow'] }, on: { type: 'boolean' }, 'at:12': { type: 'integer' } },
    }
    const headers = { 'content-type': 'application/json' }
    await fetch(`${stage.url}/api/kytos/settings/v1/other/napp/schema`, {
      method: 'PUT',
      headers,
      body: JSON.stringify(schema),
    })
  })
  afterAll(() => stage.close())

  it.each([
    [
      [''],
      [
        'start',
        'napps',
        'list',
        'get',
        'set',
        'unset',
        'edit',
        'explain',
        'describe',
        'watch',
        'history',
        'diff',
        'token',
        'completion',
      ],
    ],
    [['un'], ['unset']],
    [
      ['get', ''],
      ['kytos/link_discovery', 'other/napp'],
    ],
    [['watch', 'oth'], ['other/napp']],
    [
      ['get', NAPP, 'li'],
      ['liveness', 'liveness.min_hellos', 'liveness.dead_multiplier'],
    ],
    [
      ['set', NAPP, 'polling_time=5', 'li'],
      ['liveness.min_hellos=', 'liveness.dead_multiplier='],
    ],
    [['unset', NAPP, ''], ['polling_time']],
    [
      ['set', 'other/napp', 'mode='],
      ['mode=fast', 'mode=slow'],
    ],
    [['set', 'other/napp', 'on=t'], ['on=true']],
    [['set', NAPP, '--dr'], ['--dry-run']],
    [['set', NAPP, '--comment', ''], []],
    [['set', '--comment', 'why', 'oth'], ['other/napp']],
    [['set', NAPP, 'polling_time=5', '--scope', 'cl'], ['cluster']],
    [['-c', 'kytos.ini', 'diff', NAPP, ''], ['1']],
    [['--config', ''], [':files']],
    [['napps', 'en'], ['enable']],
    [['napps', 'enable', ''], ['kytos/change_log']],
    [['napps', 'disable', 'kytos/l'], ['kytos/link_discovery']],
    [['delete', 'oth'], ['other/napp']],
    [['status', 'oth'], ['other/napp']],
    [['cont'], ['controllers']],
    [['controllers', ''], ['rename']],
    [['files', ''], ['restore']],
    [['files', 'restore', 'oth'], ['other/napp']],
    [['delete', NAPP, '--if'], ['--if-revision']],
    [['export', 'oth'], ['other/napp']],
    [['export', '--format', 'k'], ['kytos.conf']],
    [
      ['import', '--namespace', ''],
      ['kytos/link_discovery', 'other/napp'],
    ],
    [['import', '--schema-out', ''], [':files']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['get', 'kytos/absent', ''], []],
    [['get', '--url', 'http://127.0.0.1:1', ''], []],
  ])('knows what may follow %j', async (words, expected) => {
    const { exit, stdout, stderr } = await runIn(stage.cwd, ['__complete', '--', ...words])
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' })
    const found = stdout.split('\n').filter(line => line !== '')
    if (words.length === 1 && words[0] === '') expect(found).toEqual(expect.arrayContaining(expected))
    else expect(found).toEqual(expected)
  })

  /** Types into a shell, and resolves once the line that it is at looks like this. */
  async function completed(shell: Terminal, keys: string, line: string): Promise<void> {
    shell.type(keys)
    await shell.shows(new RegExp(line.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')))
  }

  it('works in bash', async () => {
    const bash = stage.terminal(
      ['--norc', '--noprofile', '-i'],
      { PS1: '> ', TERM: 'dumb', INPUTRC: '/dev/null' },
      'bash',
      300,
    )
    await bash.shows(/> /)
    bash.type('source <(kytos-settings completion bash); echo re""ady\n')
    await bash.shows(/ready\r\n> /)
    await completed(bash, 'kytos-settings hist\t', 'kytos-settings history ')
    await completed(bash, 'kytos/l\t', 'kytos/link_discovery ')
    await completed(bash, '--lim\t', '--limit ')
    await completed(bash, '\x15kytos-settings set kyt\t', 'kytos/link_discovery ')
    await completed(bash, 'pol\t', 'polling_time=')
    await completed(bash, '5 liveness.m\t', 'liveness.min_hellos=')
    await completed(bash, '\x15kytos-settings set other/napp mode=f\t', 'mode=fast ')
    await completed(bash, '\x15kytos-settings set other/napp mode=\t\t', 'fast  slow')
    await completed(bash, '\x15kytos-settings set other/napp on=\x1b?', 'true')
    await completed(bash, '\x15kytos-settings set other/napp at:\t', 'at:12=')
    await completed(bash, '\x15kytos-settings -c kytos.i\t', 'kytos.ini ')
    bash.type('\x15exit\n')
    await bash.ended
  })

  it('works in zsh', async () => {
    const zsh = stage.terminal(['-f', '-i'], { PS1: '> ', TERM: 'dumb' }, 'zsh', 300)
    await zsh.shows(/> /)
    zsh.type('autoload -Uz compinit; compinit -u; source <(kytos-settings completion zsh); echo re""ady\n')
    await zsh.shows(/ready\r\n[\s\S]*> /)
    await completed(zsh, 'kytos-settings hist\t', 'history ')
    await completed(zsh, 'kytos/l\t', 'link_discovery ')
    await completed(zsh, '\x15kytos-settings set kyt\t', 'link_discovery ')
    await completed(zsh, 'pol\t', 'ling_time=')
    await completed(zsh, '\x15kytos-settings set other/napp mode=f\t', 'mode=fast')
    zsh.type('\x15exit\n')
    await zsh.ended
  })
})
