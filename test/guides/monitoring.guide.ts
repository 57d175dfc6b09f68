import { cp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { packageRoot } from '../../src/host/package-root.ts'
import { type CliStage, openCliStage } from '../integration/cli-stage.ts'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'
import { blocksOf, execute, stageHost } from './page.ts'

/*
 * docs/admin/monitoring.md: its commands with the real promtool, the token on a real service, and the names of
 * etcd's metrics on a real etcd. The names of the service's metrics are compared in test/unit/admin.
 */

const FILES = join(packageRoot(), 'docs/admin/monitoring')
let stage: CliStage
let etcd: EtcdServer

beforeAll(async () => {
  etcd = await startEtcd()
  stage = await openCliStage('etcd', 'authentication = required', { endpoints: etcd.endpoints })
  await stage.start()
  await cp(FILES, stage.cwd, { recursive: true })
})
afterAll(async () => {
  await stage.close()
  await etcd.stop()
})

it('executes every command of the page', async () => {
  const [token, check, ...others] = await blocksOf('monitoring.md')
  expect(others).toEqual([])
  await execute(token?.text ?? '', stageHost(stage))
  const secret = (await readFile(join(stage.cwd, 'kytos.token'), 'utf8')).trim()
  const scrape = async (authorization: string) =>
    fetch(`${stage.url}/metrics`, { headers: { authorization } })
  expect((await scrape(`Bearer ${secret}`)).status).toBe(200)
  expect((await scrape('')).status).toBe(401)
  expect(await execute(check?.text ?? '', stageHost(stage))).toMatch(
    /17 rules found[\s\S]*SUCCESS[\s\S]*SUCCESS: prometheus.yml is valid/,
  )
})

it('uses metrics that a real etcd has', async () => {
  const [endpoint = ''] = etcd.endpoints
  const metrics = await (await fetch(`${endpoint}/metrics`)).text()
  for (const file of ['alerts.yml', 'dashboard.json']) {
    const text = await readFile(join(FILES, file), 'utf8')
    const names = new Set([...text.matchAll(/\betcd_[a-z_]+/g)].map(([name]) => name))
    expect(names.size).toBeGreaterThan(3)
    for (const name of names) expect(metrics, name).toMatch(new RegExp(`^${name}[ {]`, 'm'))
  }
})
