import { cp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { execute, walk } from './page.ts'
import { openSecuredCluster, type SecuredCluster } from './secured-cluster.ts'

/*
 * docs/admin/etcd-care.md on three secured members with a controller that changes settings all the time. The
 * upgrade starts with the etcd on the PATH (3.4) and passes 3.5 and 3.6.
 */

/** A command that the test cannot execute and that changes nothing in it. */
const outside = (): void => {}
const QUOTA = 24 * 1024 * 1024

it('docs/admin/etcd-care.md maintains a cluster as described', async () => {
  const cluster = await openSecuredCluster(QUOTA)
  try {
    await maintain(cluster)
  } finally {
    await cluster.close()
  }
})

async function maintain(cluster: SecuredCluster): Promise<void> {
  const { three, admin, controller, authority } = cluster
  const page = await walk('etcd-care.md')
  const confirmed = async (n: number): Promise<void> => {
    await expect
      .poll(async () => (await cluster.change(n)).status, { timeout: 30_000, interval: 200 })
      .toBe(200)
  }
  await confirmed(1)

  // Compaction and defragmentation
  expect((await page.sh(admin)).match(/is healthy/g)).toHaveLength(3)

  // NOSPACE
  const fill = `. /root/etcdctl.env
head -c 1000000 /dev/zero | tr '\\0' x > fill
for i in $(seq 60); do etcdctl put /fill < fill || break; done`
  expect(await execute(fill, admin)).toContain('database space exceeded')
  await expect
    .poll(async () => (await cluster.change(2)).status, { timeout: 30_000 })
    .toBeGreaterThanOrEqual(500)
  const freed = await page.sh(admin)
  expect(freed).toMatch(/alarm:NOSPACE[\s\S]*compacted revision/)
  await confirmed(3)

  // Snapshots
  await confirmed(4)
  expect(await page.sh(admin)).toContain('Snapshot saved')
  await confirmed(5)
  await page.console({
    'systemctl stop etcd': () => Promise.all(three.map(host => host.stop())),
    'scp 10.0.0.9:/root/backups/etcd.snapshot /root/etcd.snapshot': async () => {
      for (const host of three)
        await cp(join(admin.folder, 'root/backups/etcd.snapshot'), join(host.folder, 'root/etcd.snapshot'))
    },
  })
  await page.sh(...three)
  await page.console({
    'chown -R etcd: /var/lib/etcd': outside,
    'systemctl start etcd': () => Promise.all(three.map(host => host.start())),
  })
  await cluster.healthy()
  const value = async () => {
    const answer = await fetch(`${controller.url}/api/kytos/settings/v1/me/free`)
    return JSON.parse(await answer.text()).data?.n
  }
  await expect.poll(value, { timeout: 30_000, interval: 200 }).toBe(4)
  await confirmed(6)

  // Replace a member
  await three[2]?.stop('SIGKILL')
  // It may have been the leader.
  const health = `. /root/etcdctl.env
ETCDCTL_ENDPOINTS=https://10.0.0.1:2379,https://10.0.0.2:2379 etcdctl endpoint health`
  const isHealthy = () =>
    execute(health, admin).then(
      () => true,
      () => false,
    )
  await expect.poll(isHealthy, { timeout: 30_000, interval: 500 }).toBe(true)
  expect(await page.sh(admin)).toMatch(/removed from cluster[\s\S]*added to cluster/)
  for (const host of three.slice(2)) {
    await page.sh(host)
    await page.console({ 'systemctl start etcd': () => host.start() })
  }
  await cluster.healthy()
  expect((await page.sh(admin)).match(/, started, etcd-\d/g)).toHaveLength(3)
  await confirmed(7)

  // Rotate a password
  await page.sh(admin)
  const password = join(admin.folder, 'root/etcd-kytos.password')
  await page.console({
    'scp /root/etcd-kytos.password.new controller-1:/etc/kytos/etcd/password.new': outside,
    'ssh controller-1 chown kytos-settings: /etc/kytos/etcd/password.new': outside,
    'ssh controller-1 mv /etc/kytos/etcd/password.new /etc/kytos/etcd/password': () =>
      cp(`${password}.new`, join(controller.folder, 'etc/kytos/etcd/password')),
  })
  const before = await readFile(password, 'utf8')
  expect(await page.sh(admin)).toMatch(/^kytos\nroot$/m)
  expect(await readFile(password, 'utf8')).not.toBe(before)
  await confirmed(8)

  // Rotate certificates
  const serial = async () =>
    /serial=(\w+)/.exec(await execute(`openssl x509 -noout -serial -in ${authority}/etcd-1.pem`, admin))?.[1]
  const old = await serial()
  await page.sh(admin)
  await page.console({
    'scp peer.pem peer-key.pem 10.0.0.1:/etc/etcd/tls/': async () => {
      for (const host of three) await host.copyTls(authority)
    },
    'scp etcd-1.pem 10.0.0.1:/etc/etcd/tls/server.pem': outside,
    'scp etcd-1-key.pem 10.0.0.1:/etc/etcd/tls/server-key.pem': outside,
  })
  const renewed = await serial()
  expect(renewed).not.toBe(old)
  expect(await page.sh(admin)).toContain(`serial=${renewed}`)
  for (const file of ['client.pem', 'client-key.pem'])
    await cp(join(authority, file), join(controller.folder, 'etc/kytos/etcd', file))
  await confirmed(9)

  // Upgrade
  const acked: string[] = []
  let writing = true
  const writer = (async () => {
    for (let n = 10; writing; n++) {
      const { status, revision } = await cluster.change(n).catch(() => ({ status: 0, revision: undefined }))
      if (status === 200 && revision !== undefined) acked.push(revision)
    }
  })()
  const commands = (binary = '', host = three[0]) => ({
    'systemctl stop etcd': () => host?.stop(),
    'install -m 0755 etcd-v3.5.35-linux-amd64/etcd /usr/bin/etcd': outside,
    'systemctl start etcd': () => host?.start(binary),
  })
  const [first, ...others] = three
  await page.console(commands(process.env.ETCD_35, first))
  await cluster.healthy()
  expect(await page.sh(admin)).toMatch(/3\.5\.35/)
  expect(page.left()).toBe(0)
  const rest = [
    ...others.map(host => ({ host, binary: process.env.ETCD_35 })),
    ...three.map(host => ({ host, binary: process.env.ETCD_36 })),
  ]
  for (const { host, binary } of rest) {
    await host.stop()
    await host.start(binary)
    await cluster.healthy()
  }
  writing = false
  await writer
  const status = await execute('. /root/etcdctl.env; etcdctl endpoint status', admin)
  expect(status.match(/, 3\.6\.16, /g)).toHaveLength(3)
  expect(acked.length).toBeGreaterThan(20)
  await confirmed(0)
  // Every confirmed change was announced, once and in order.
  const unseen = () => {
    const seen = new Set(announced(controller.log()))
    return acked.filter(revision => !seen.has(revision))
  }
  await expect.poll(unseen, { timeout: 30_000 }).toEqual([])
  const order = announced(controller.log()).slice(-acked.length).map(BigInt)
  expect(order).toEqual([...new Set(order)].sort((a, b) => (a < b ? -1 : 1)))
}

/** The revisions of the changes of the setting in the log, in their order. */
function announced(log: string): readonly string[] {
  return log
    .split('\n')
    .filter(line => line.startsWith('{') && line.endsWith('}'))
    .map(line => JSON.parse(line) as { event?: string; namespace?: string; revision: string })
    .filter(({ event, namespace }) => event === 'settings.changed' && namespace === 'me/free')
    .map(({ revision }) => revision)
}
