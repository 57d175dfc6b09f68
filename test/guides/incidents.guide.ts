import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { type CliStage, openCliStage } from '../integration/cli-stage.ts'
import { startEtcd } from '../support/etcd.ts'
import { stageHost, walk } from './page.ts'
import { openSecuredCluster, type SecuredCluster } from './secured-cluster.ts'

/*
 * docs/admin/incidents.md: each incident is caused for real, on two controllers with one etcd, and the lost quorum
 * on three members of which two lose their data.
 */

/** A command that the test cannot execute and that changes nothing in it. */
const outside = (): void => {}
const SCHEMA = { type: 'object', properties: { password: { type: 'string', 'x-sensitive': true } } }

async function send(stage: CliStage, method: string, path: string, body: unknown): Promise<void> {
  const answer = await fetch(`${stage.url}/api/kytos/settings/v1${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(answer.ok, await answer.text()).toBe(true)
}

async function stateOf({ url }: CliStage): Promise<string> {
  return JSON.parse(await (await fetch(`${url}/readyz`)).text()).state
}

it('docs/admin/incidents.md handles each incident as described', async () => {
  const etcd = await startEtcd()
  const stages: CliStage[] = []
  let cluster: SecuredCluster | undefined
  try {
    for (const controller of ['c1', 'c2']) {
      const stage = await openCliStage('etcd', '', { controller, endpoints: etcd.endpoints })
      stages.push(stage)
      await stage.start()
    }
    const [one, two] = stages
    if (!one || !two) throw new Error('Two controllers were opened.')
    const host = stageHost(one)
    const both = { ...host, replace: [...host.replace, ['http://127.0.0.1:8182', two.url] as const] }
    const page = await walk('incidents.md')
    for (const n of [5, 9]) await one.run(['set', 'link_discovery', `polling_time=${n}`, '-m', 'test'])

    expect((await page.sh(host)).trimEnd()).toMatch(/Dry run: nothing was written[\s\S]*\n5$/)
    const author = await page.sh(host)
    expect(author).toMatch(/polling_time +5 +cluster/)
    expect(author).toContain('[3,"user","local-admin","local"]')

    await etcd.kill()
    await expect.poll(() => stateOf(one), { timeout: 30_000, interval: 200 }).toBe('STALE')
    const away = await page.sh(host)
    expect(away).toMatch(/"state":"STALE"[\s\S]*etcd/)
    await etcd.restart()
    for (const stage of stages)
      await expect.poll(() => stateOf(stage), { timeout: 30_000, interval: 200 }).toBe('READY')

    const states = (await page.sh(both)).trim().split('\n')
    expect(states).toHaveLength(2)
    expect(new Set(states).size).toBe(1)
    await page.console({
      'systemctl restart kytos-settings': async () => {
        await two.stop()
        await two.start()
      },
    })
    expect(await page.sh(host)).toMatch(/IUse%[\s\S]* 0 broken|^0 broken/m)

    cluster = await openSecuredCluster()
    const { three, change, controller } = cluster
    await expect.poll(async () => (await change(7)).status, { timeout: 30_000 }).toBe(200)
    const [left, ...lost] = three
    if (!left) throw new Error('Three members were opened.')
    for (const member of lost) {
      await member.stop('SIGKILL')
      await rm(join(member.folder, 'var/lib/etcd/kytos'), { recursive: true })
    }
    await expect.poll(async () => (await change(8)).status, { timeout: 30_000 }).toBeGreaterThanOrEqual(500)
    await page.console({ 'systemctl stop etcd': () => left.stop() })
    await page.sh(left)
    for (const member of lost)
      await cp(join(left.folder, 'root/etcd.snapshot'), join(member.folder, 'root/etcd.snapshot'))
    await page.sh(...three)
    await page.console({
      'chown -R etcd: /var/lib/etcd': outside,
      'systemctl start etcd': () => Promise.all(three.map(member => member.start())),
    })
    await cluster.healthy()
    const value = async () => {
      const answer = await fetch(`${controller.url}/api/kytos/settings/v1/me/free?fresh=true`)
      return JSON.parse(await answer.text()).data?.n
    }
    await expect.poll(value, { timeout: 30_000, interval: 200 }).toBe(7)
    await expect.poll(async () => (await change(9)).status, { timeout: 30_000 }).toBe(200)

    const token = (await one.run(['token', 'create', 'ci', '--rights', 'read'])).stdout.trim()
    const asCi = async () =>
      (await fetch(`${one.url}/api/kytos/settings/v1`, { headers: { authorization: `Bearer ${token}` } }))
        .status
    expect(await asCi()).toBe(200)
    await page.sh(host)
    expect(await asCi()).toBe(401)

    await send(one, 'PUT', '/lab/vault/schema', SCHEMA)
    await send(one, 'PATCH', '/lab/vault', { password: 'hunter2' })
    expect(await page.sh(host)).toMatch(/sealed[\s\S]*\n\S+ +\S+Z\n\S+ +\S+Z +current\n$/)

    await page.sh(host)
    const keys = (await one.run(['key', 'list'])).stdout
    await one.stop()
    await rm(join(one.cwd, 'settings-keys.json'))
    expect((await one.run(['key', 'list'])).stdout).not.toBe(keys)
    expect(await page.sh(host)).toBe(keys)
    await page.console({ 'systemctl restart kytos-settings': () => one.start() })
    const doctor = (await one.run(['doctor'])).stdout
    expect(doctor).not.toMatch(/secret\.(?:key_missing|keys|damaged)/)
    expect(page.left()).toBe(0)
  } finally {
    await cluster?.close()
    for (const stage of stages) await stage.close()
    await etcd.stop()
  }
})
