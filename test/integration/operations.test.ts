import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { packageRoot } from '../../src/host/package-root.ts'
import { freshFolder, kytosSettings } from './host-process.ts'

/*
 * What an operator sees of the real process: metrics and log.
 */

const NAMESPACE = '/api/kytos/settings/v1/me/free'

it('every metric of the real process, and no other, is in docs/operations.md with its type and meaning; the log is JSON', async () => {
  const cwd = await freshFolder()
  const file = join(cwd, 'kytos.ini')
  await writeFile(file, (await readFile(file, 'utf8')).replace('log = text', 'log = auto\ncontroller = c1'))
  const service = kytosSettings(cwd, 'start')
  const url = await service.ready
  const send = (method: string, body?: unknown) =>
    fetch(`${url}${NAMESPACE}`, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
  const { revision } = JSON.parse(await (await send('PATCH', { n: 1 })).text())
  expect((await send('DELETE', undefined)).status).toBe(200)
  expect((await send('PATCH', [])).status).toBe(400)
  await fetch(`${url}/api/kytos/storehouse/v2/net/a`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '"secret"',
  })

  // Looked at ten times a second.
  const scrape = async () => (await fetch(`${url}/metrics`)).text()
  await expect.poll(scrape).toMatch(/^kytos_settings_event_loop_delay_seconds_count [1-9]/m)
  const text = await scrape()
  const named = (pattern: RegExp) =>
    new Map([...text.matchAll(pattern)].map(([, name = '', rest = '']) => [name, rest]))
  const types = named(/^# TYPE kytos_settings_(\S+) (\S+)$/gm)
  const meanings = named(/^# HELP kytos_settings_(\S+) (.*)$/gm)
  const table = [...types].map(([name, type]) => `| \`${name}\` | ${type} | ${meanings.get(name)} |`).sort()
  const docs = (await readFile(join(packageRoot(), 'docs/operations.md'), 'utf8')).split('\n')
  expect(docs.filter(line => /^\| `[a-z_]+` \|/.test(line))).toEqual(table)
  for (const sample of [
    'commits_total{outcome="done"}',
    'commits_total{outcome="failed"} 0',
    'commit_seconds_count',
    'watch_lag_seconds_count',
    'inbox_events{listener="kytos/change_log"} 0',
    'dead_letters 0',
    'commands_total{command="kytos.settings.update",code=""} 1',
    'commands_total{command="kytos.settings.update",code="CONTENT_MALFORMED"} 1',
    'commands_total{command="kytos.storehouse.create",code=""} 1',
  ])
    expect(text).toContain(`\nkytos_settings_${sample}`)
  expect(text).not.toMatch(/^kytos_settings_(?:commit|watch_lag)_seconds_count 0$/m)

  service.child.kill('SIGTERM')
  expect(await service.ended).toBe(0)
  const lines: Record<string, unknown>[] = service
    .output()
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  for (const line of lines)
    expect(line).toMatchObject({
      level: expect.stringMatching(/^(info|warn|error)$/),
      time: expect.stringMatching(/Z$/),
      controller: 'c1',
      name: expect.any(String),
      msg: expect.any(String),
    })
  expect(lines.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['host', 'kytos/settings', 'kytos/change_log']),
  )
  const changes = lines.filter(
    ({ event, namespace }) => event === 'settings.changed' && namespace === 'me/free',
  )
  expect(changes[0]).toMatchObject({
    event_id: expect.any(String),
    revision,
    cursor: expect.any(String),
    actor: 'user 127.0.0.1',
    scope: 'cluster',
  })
  expect(changes).toHaveLength(2)
  expect(lines.find(({ code }) => code === 'CONTENT_MALFORMED')).toMatchObject({
    event: 'kytos.settings.update',
    event_id: expect.any(String),
    level: 'info',
  })
  expect(lines.find(({ state }) => state === 'READY')).toMatchObject({
    event: 'settings.state',
    event_id: expect.any(String),
    revision: expect.any(String),
  })
  expect(service.output()).not.toContain('secret')
})
