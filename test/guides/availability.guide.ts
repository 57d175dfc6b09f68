import { expect, it } from 'vitest'
import { type CliStage, openCliStage } from '../integration/cli-stage.ts'
import { startEtcd } from '../support/etcd.ts'
import { execute, stageHost, walk } from './page.ts'
import { openSecuredCluster } from './secured-cluster.ts'

/*
 * docs/admin/availability.md: its commands, and the failures of its table that concern etcd. The durations are
 * printed. The limit of the test is wider than the table, because the machine is shared.
 */

const LIMIT = { timeout: 30_000, interval: 50 }

it('docs/admin/availability.md finds another controller, and the leader', async () => {
  const etcd = await startEtcd()
  const stages: CliStage[] = []
  const cluster = await openSecuredCluster()
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
    const page = await walk('availability.md')
    expect(await page.sh(both)).toMatch(/kytos\/link_discovery[\s\S]*c1 +yes/)
    expect(await page.sh(both)).toBe('READY\nREADY\n')
    await one.stop()
    const list = `kytos-settings list --url http://127.0.0.1:8181 --url http://127.0.0.1:8182`
    expect(await execute(list, both)).toContain('kytos/link_discovery')

    const { admin, change, three, controller } = cluster
    const confirmed = async (n: number, event: string): Promise<void> => {
      const begin = performance.now()
      await expect.poll(async () => (await change(n)).status, LIMIT).toBe(200)
      console.info(`${event}: a change was confirmed after ${Math.round(performance.now() - begin)} ms`)
    }
    const isState = async (state: string, event: string): Promise<void> => {
      const begin = performance.now()
      const shown = async () =>
        JSON.parse(await (await fetch(`${controller.url}/readyz`)).text()).state as string
      await expect.poll(shown, LIMIT).toBe(state)
      console.info(`${event}: ${state} after ${Math.round(performance.now() - begin)} ms`)
    }
    await confirmed(1, 'at rest')
    const endpoint = (await page.sh(admin)).trim()
    const leader = three.find(member => member.url === endpoint)
    const followers = three.filter(member => member !== leader)
    const [first, second] = followers
    if (!leader || !first || !second) throw new Error(`No member has the endpoint ${endpoint}.`)
    await page.console({
      'systemctl stop etcd': () => leader.stop('SIGKILL'),
      'systemctl start etcd': async () => {
        await confirmed(2, 'the leader was killed')
        await leader.start()
      },
    })
    await cluster.healthy()
    await first.stop('SIGKILL')
    await confirmed(3, 'a member was killed')
    await second.stop('SIGKILL')
    await isState('STALE', 'two of three members were killed')
    expect((await change(4)).status).toBe(503)
    expect((await fetch(`${controller.url}/api/kytos/settings/v1/me/free`)).status).toBe(200)
    await Promise.all([first.start(), second.start()])
    await isState('READY', 'two members started again')
    await confirmed(5, 'READY again')
    expect(page.left()).toBe(0)
  } finally {
    for (const stage of stages) await stage.close()
    await cluster.close()
    await etcd.stop()
  }
})
