import { cp, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openController } from './controller.ts'
import { expectPackages, openEtcdHosts, verifyUnit } from './etcd-hosts.ts'
import { walk } from './page.ts'

/*
 * docs/admin/etcd.md: one etcd and three, which the test starts as their unit does; certificates, users, and a
 * controller on the secured cluster.
 */

const UNPACK =
  'install -m 0755 etcd-v3.6.16-linux-amd64/etcd etcd-v3.6.16-linux-amd64/etcdctl etcd-v3.6.16-linux-amd64/etcdutl /usr/bin'
const AUTHORITY = '10.0.0.9:/root/etcd-authority'
/** A command that the test cannot execute and that changes nothing in it: another user, another host, systemd. */
const outside = (): void => {}

it('docs/admin/etcd.md installs and secures etcd as described', async () => {
  const single = await openEtcdHosts('http')
  const cluster = await openEtcdHosts('https')
  const { hosts, admin, endpoints } = cluster
  const three = hosts.slice(0, 3)
  const controller = await openController(join(admin.folder, 'controller'), admin.replace.slice(1))
  try {
    const page = await walk('etcd.md')
    await page.console({
      'apt-get install etcd-server etcd-client jq openssl': () =>
        expectPackages('apt-get install etcd-server etcd-client jq openssl'),
      'systemctl disable --now etcd': outside,
    })
    await page.console({
      'sha256sum --check --ignore-missing SHA256SUMS': outside,
      'tar -xzf etcd-v3.6.16-linux-amd64.tar.gz': outside,
      [UNPACK]: outside,
      'useradd --system --no-create-home --shell /usr/sbin/nologin etcd': outside,
    })
    await page.sh(single.admin, ...three)
    await verifyUnit(join(single.admin.folder, 'etc/systemd/system/etcd.service'))

    await page.sh(single.admin)
    await page.console({
      'systemctl daemon-reload': outside,
      'systemctl enable --now etcd': () => single.hosts[0]?.start(),
    })
    await expect.poll(() => single.hosts[0]?.output(), { timeout: 30_000 }).toContain('ready to serve')
    expect(await page.sh(single.admin)).toMatch(/is healthy: [\s\S]*"health":\s*"true"/)

    expect((await page.sh(admin)).match(/: OK$/gm)).toHaveLength(5)
    const authority = join(admin.folder, 'root/etcd-authority')
    expect((await stat(join(authority, 'ca-key.pem'))).mode & 0o077).toBe(0)
    await page.console({
      'ssh 10.0.0.1 install -d -m 0750 -o root -g etcd /etc/etcd/tls': outside,
      'scp ca.pem peer.pem peer-key.pem 10.0.0.1:/etc/etcd/tls/': async () => {
        for (const host of three) await host.copyTls(authority)
      },
      'scp etcd-1.pem 10.0.0.1:/etc/etcd/tls/server.pem': outside,
      'scp etcd-1-key.pem 10.0.0.1:/etc/etcd/tls/server-key.pem': outside,
      'ssh 10.0.0.1 chgrp -R etcd /etc/etcd/tls': outside,
      'ssh 10.0.0.1 chmod -R g+rX /etc/etcd/tls': outside,
    })
    await page.sh(...three)
    await page.console({
      'systemctl daemon-reload': outside,
      'systemctl enable --now etcd': () => Promise.all(three.map(host => host.start())),
    })
    for (const host of three)
      await expect.poll(() => host.output(), { timeout: 30_000 }).toContain('ready to serve')
    const status = await page.sh(admin)
    expect(status.match(/is healthy/g)).toHaveLength(3)
    expect(status.match(/, started, etcd-\d, /g)).toHaveLength(3)
    // A client without a certificate is refused.
    await expect(fetch(`${endpoints[0]}/version`)).rejects.toThrow()

    expect(await page.sh(admin)).toContain('Authentication Enabled')
    const rights = await page.sh(admin)
    expect(rights).toMatch(/\[\/kytos\/, \/kytos0\) \(prefix \/kytos\/\)/)
    expect(rights.match(/^Error: .*permission denied/gm)).toHaveLength(3)
    expect(rights.match(/^refused$/gm)).toHaveLength(3)

    await page.console({
      'useradd --system --no-create-home --shell /usr/sbin/nologin kytos-settings': outside,
      'install -d -m 0755 /etc/kytos /etc/kytos/etcd': outside,
      [`scp ${AUTHORITY}/ca.pem ${AUTHORITY}/client.pem ${AUTHORITY}/client-key.pem /etc/kytos/etcd/`]: () =>
        Promise.all(
          ['ca.pem', 'client.pem', 'client-key.pem'].map(file =>
            cp(join(authority, file), join(controller.folder, 'etc/kytos/etcd', file)),
          ),
        ),
      'scp 10.0.0.9:/root/etcd-kytos.password /etc/kytos/etcd/password': () =>
        cp(
          join(admin.folder, 'root/etcd-kytos.password'),
          join(controller.folder, 'etc/kytos/etcd/password'),
        ),
    })
    await page.sh(controller)
    await page.console({
      'chown -R kytos-settings: /etc/kytos/etcd': outside,
      'systemctl restart kytos-settings': () => controller.start(),
    })
    const shown = await page.sh(controller)
    expect(shown).toMatch(/State +ready since/)
    expect(shown).toMatch(/^0 broken/m)
    expect(page.left()).toBe(0)

    const ini = await readFile(join(controller.folder, 'etc/kytos/kytos.ini'), 'utf8')
    expect(ini).toContain(endpoints[2])
    // The least privilege is enough for a change.
    const changed = await fetch(`${controller.url}/api/kytos/settings/v1/me/free`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: '{"n": 1}',
    })
    expect(changed.status).toBe(200)
  } finally {
    await controller.stop()
    await single.close()
    await cluster.close()
  }
})
