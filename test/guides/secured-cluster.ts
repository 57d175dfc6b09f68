import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type ControllerHost, openController } from './controller.ts'
import { type EtcdHost, type EtcdHosts, openEtcdHosts } from './etcd-hosts.ts'
import { blocksOf, execute, type Host } from './page.ts'

/** Three members and a controller, made by the commands of docs/admin/etcd.md. */
export interface SecuredCluster {
  readonly three: readonly EtcdHost[]
  readonly admin: Host
  readonly controller: ControllerHost
  readonly authority: string
  healthy(): Promise<void>
  /** Changes a setting; the status of the answer, and the revision of a change that is confirmed. */
  change(n: number): Promise<{ readonly status: number; readonly revision?: string }>
  close(): Promise<void>
}

/** Opens it with a small quota, so that a test can fill it. */
export async function openSecuredCluster(quota = 4_294_967_296): Promise<SecuredCluster> {
  const cluster: EtcdHosts = await openEtcdHosts('https')
  const three = cluster.hosts.slice(0, 3)
  const { admin } = cluster
  const authority = join(admin.folder, 'root/etcd-authority')
  const controller = await openController(join(admin.folder, 'controller'), admin.replace.slice(1))
  const small = (host: Host): Host => ({ ...host, replace: [['4294967296', String(quota)], ...host.replace] })
  const run = async (section: string, ...hosts: readonly Host[]): Promise<void> => {
    const [first] = (await blocksOf('etcd.md', section)).filter(({ kind }) => kind === 'sh')
    for (const host of hosts) await execute(first?.text ?? '', host)
  }
  const close = async (): Promise<void> => {
    await controller.stop('SIGKILL')
    await cluster.close()
  }
  try {
    await run('Certificates', admin)
    await run('Install', ...three.map(small))
    await run('Three nodes', ...three)
    for (const host of three) await host.copyTls(authority)
    await Promise.all(three.map(host => host.start()))
    for (const host of three)
      await expect.poll(() => host.output(), { timeout: 30_000 }).toContain('ready to serve')
    const [, env] = (await blocksOf('etcd.md', 'Three nodes')).filter(({ kind }) => kind === 'sh')
    await execute(env?.text ?? '', admin)
    await run('Users and roles', admin)
    const at = join(controller.folder, 'etc/kytos/etcd')
    for (const file of ['ca.pem', 'client.pem', 'client-key.pem'])
      await cp(join(authority, file), join(at, file))
    await cp(join(admin.folder, 'root/etcd-kytos.password'), join(at, 'password'))
    await run('The controllers', controller)
    await controller.start()
  } catch (error) {
    await close()
    throw error
  }
  return {
    three,
    admin,
    controller,
    authority,
    healthy: async () => {
      await expect
        .poll(() => execute('. /root/etcdctl.env; etcdctl endpoint health', admin).catch(String), {
          timeout: 30_000,
          interval: 300,
        })
        .toMatch(/(is healthy[\s\S]*){3}/)
    },
    change: async n => {
      const answer = await fetch(`${controller.url}/api/kytos/settings/v1/me/free`, {
        method: 'PATCH',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ n }),
      })
      const { revision } = JSON.parse(await answer.text())
      return { status: answer.status, revision }
    },
    close,
  }
}
